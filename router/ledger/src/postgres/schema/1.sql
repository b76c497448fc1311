-- One statement of a client is one call of a function here, so one transaction and one round trip.
--
-- Keys and values are bytes: they compare as Rust's strings do, and hold any character. Amounts are numeric, so sums never
-- overflow. Times are milliseconds since the epoch.
--
-- Every function that decides takes advisory locks on what it decides about before it looks (READ COMMITTED gives each
-- statement in it a new snapshot), in ascending order, and holds before budgets: nobody waits in a circle. Two names that
-- share a lock only wait for each other.

create table budget (
    id   bytea primary key,
    held numeric not null
);

-- What was spent of a budget up to and including a moment, since the beginning.
create table spending (
    budget  bytea not null,
    at      bigint not null,
    through numeric not null,
    primary key (budget, at)
);

-- Every hold that ever was: an id is good for one reservation only.
create table hold (
    id        bytea primary key,
    made_at   bigint not null,
    until     bigint not null,
    closed_at bigint
);

-- What open holds hold; gone once closed.
create table line (
    hold   bytea not null references hold (id),
    n      integer not null,
    budget bytea not null,
    amount numeric not null,
    primary key (hold, n)
);

-- Replay keys. `seen_at` is when a purge first met the claim concluded.
create table claim (
    key     bytea primary key,
    print   bytea not null,
    made_at bigint not null,
    until   bigint not null,
    receipt text,
    seen_at bigint
);

create table record (
    key     bytea primary key,
    version bigint not null,
    value   bytea not null
);

create function lock_all(kind text, ids bytea[]) returns void language plpgsql as $$
declare id bigint;
begin
    for id in
        select distinct ('x' || substr(md5(convert_to(kind || ':', 'UTF8') || name), 1, 16))::bit(64)::bigint
        from unnest(ids) as name order by 1
    loop
        perform pg_advisory_xact_lock(id);
    end loop;
end $$;

create function spent_through(of_budget bytea, moment bigint) returns numeric language sql stable as $$
    select coalesce(
        (select through from spending where budget = of_budget and at <= moment order by at desc limit 1), 0)
$$;

create function used(of_budget bytea, since bigint) returns numeric language sql stable as $$
    select coalesce((select held from budget where id = of_budget), 0)
        + spent_through(of_budget, 9223372036854775807) - spent_through(of_budget, since - 1)
$$;

create function used_each(budgets bytea[], since bigint[]) returns setof text language sql stable as $$
    select used(b, s)::text from unnest(budgets, since) with ordinality as t (b, s, n) order by n
$$;

-- No row: held, or the hold is known. One row: the line, from 1, that would go over, and what is used under its budget.
create function reserve(
    name bytea, budgets bytea[], amounts numeric[], limits numeric[], since bigint[], ends bigint, moment bigint)
returns table (over integer, taken text) language plpgsql as $$
declare sum numeric;
begin
    perform lock_all('hold', array[name]);
    if exists (select from hold where id = name) then return; end if;
    perform lock_all('budget', budgets);
    for i in 1 .. cardinality(budgets) loop
        sum := used(budgets[i], since[i]) + coalesce(
            (select sum(a) from unnest(budgets[:i - 1], amounts[:i - 1]) as t (b, a) where b = budgets[i]), 0);
        if sum + amounts[i] > limits[i] then
            return query select i, sum::text;
            return;
        end if;
    end loop;
    insert into hold (id, made_at, until) values (name, moment, ends);
    insert into line (hold, n, budget, amount)
        select name, n, b, a from unnest(budgets, amounts) with ordinality as t (b, a, n);
    insert into budget as known (id, held) select b, sum(a) from unnest(budgets, amounts) as t (b, a) group by b
        on conflict (id) do update set held = known.held + excluded.held;
end $$;

-- False: there is no such hold.
create function close(name bytea, taken numeric, of numeric, moment bigint) returns boolean language plpgsql as $$
declare each record; before numeric;
begin
    perform lock_all('hold', array[name]);
    if not exists (select from hold where id = name) then return false; end if;
    perform lock_all('budget', (select coalesce(array_agg(budget), '{}') from line where hold = name));
    for each in
        select budget as id, amount, case when taken >= of then amount else div(amount * taken + of - 1, of) end as spent
        from line where hold = name
    loop
        update budget set held = held - each.amount where id = each.id;
        if each.spent > 0 then
            before := spent_through(each.id, moment);
            insert into spending as known (budget, at, through) values (each.id, moment, before + each.spent)
                on conflict (budget, at) do update set through = excluded.through;
            -- Usually none: only a clock that stepped back, or another process's that runs ahead, leaves later rows.
            update spending set through = through + each.spent where budget = each.id and at > moment;
        end if;
    end loop;
    delete from line where hold = name;
    update hold set closed_at = moment where id = name and closed_at is null;
    return true;
end $$;

-- What is known of the keys: of each that somebody has, whether it is this print's, and its receipt.
create function seen(keys bytea[], whose bytea) returns table (same boolean, paid text) language sql stable as $$
    select print = whose, receipt from claim where key = any (keys)
$$;

-- No row: claimed. Otherwise as `seen`, and nothing is claimed.
create function take(keys bytea[], whose bytea, ends bigint, moment bigint)
returns table (same boolean, paid text) language plpgsql as $$
begin
    perform lock_all('claim', keys);
    return query select print = whose, receipt from claim where key = any (keys);
    if found then return; end if;
    insert into claim (key, print, made_at, until) select distinct k, whose, moment, ends from unnest(keys) as k;
end $$;

create function conclude(keys bytea[], whose bytea, paid text) returns void language plpgsql as $$
begin
    perform lock_all('claim', keys);
    if paid is null then
        delete from claim where key = any (keys) and print = whose and receipt is null;
    else
        update claim set receipt = paid where key = any (keys) and print = whose;
    end if;
end $$;

-- No row: written. One row: the write, from 1, whose record has another version, and which one.
create function store(keys bytea[], expects bigint[], vals bytea[])
returns table (moved integer, have bigint) language plpgsql as $$
declare now_at bigint;
begin
    perform lock_all('record', keys);
    for i in 1 .. cardinality(keys) loop
        now_at := (select version from record where key = keys[i]);
        if now_at is distinct from expects[i] then
            return query select i, now_at;
            return;
        end if;
    end loop;
    for i in 1 .. cardinality(keys) loop
        if vals[i] is null then
            delete from record where key = keys[i];
        else
            insert into record (key, version, value) values (keys[i], coalesce(expects[i], 0) + 1, vals[i])
                on conflict (key) do update set version = excluded.version, value = excluded.value;
        end if;
    end loop;
end $$;

create function scan(starts bytea, ends bytea, beyond bytea, most bigint)
returns table (key bytea, version bigint, value bytea) language sql stable as $$
    select r.key, r.version, r.value from record r
    where r.key >= starts and (ends is null or r.key < ends) and (beyond is null or r.key > beyond)
    order by r.key limit most
$$;

-- One step of a purge: marks concluded claims whose window is over, forgets those that were marked long ago. No row: the end.
create function sweep(after bytea, count bigint, moment bigint, marked_before bigint)
returns table (last bytea, gone bigint) language plpgsql as $$
declare ends bytea; forgotten bigint;
begin
    ends := (select key from (select key from claim where key > after order by key limit count) as page order by key desc limit 1);
    if ends is null then return; end if;
    delete from claim where key > after and key <= ends
        and receipt is not null and until < moment and seen_at <= marked_before;
    get diagnostics forgotten = row_count;
    update claim set seen_at = moment where key > after and key <= ends
        and receipt is not null and until < moment and seen_at is null;
    return query select ends, forgotten;
end $$;
