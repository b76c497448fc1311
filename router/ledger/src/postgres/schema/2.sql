-- Lives of processes, and leases of signers' keys.
--
-- A life ends when it was not renewed in time, by this server's clock, and somebody else has come; or when a process says so.
-- From then on nothing is written in its name, for good: every writing function begins with `lock_all`, which holds the life's
-- own lock, shared, until its transaction ends; whoever ends a life holds that lock alone.
--
-- Order of locks: a life's, then all leases' (number 0). `renew` takes them the other way round and waits for no life's.

create table life (
    id       bigint generated always as identity primary key,
    name     bytea not null,
    until    timestamptz not null,
    -- When it ended, as a number that grows; null as long as it lives.
    ended_no bigint
);
create index on life (name) where ended_no is null;
create sequence ending;

create table lease (
    scope  bytea not null,
    key    bytea not null,
    holder bigint references life (id),
    fence  bigint not null,
    primary key (scope, key)
);

-- Who takes part in sharing a key; only those that live.
create table want (
    life  bigint not null references life (id),
    scope bytea not null,
    key   bytea not null,
    primary key (life, scope, key)
);
create index on want (scope, key);

create function lease_clock() returns timestamptz language sql volatile as $$ select clock_timestamp() $$;

-- Refuses what a life writes after its end. A connection without a life is nobody's in particular.
create function check_life() returns void language plpgsql as $$
declare me text := current_setting('tollway.life', true);
begin
    if coalesce(me, '') = '' then return; end if;
    perform pg_advisory_xact_lock_shared(1416588396, me::integer);
    if not exists (select from life where id = me::bigint and ended_no is null) then
        raise exception 'another process has taken over from this one' using errcode = 'TW001';
    end if;
end $$;

create or replace function lock_all(kind text, ids bytea[]) returns void language plpgsql as $$
declare id bigint;
begin
    perform check_life();
    for id in
        select distinct ('x' || substr(md5(convert_to(kind || ':', 'UTF8') || name), 1, 16))::bit(64)::bigint
        from unnest(ids) as name order by 1
    loop
        perform pg_advisory_xact_lock(id);
    end loop;
end $$;

-- Whoever calls this holds the life's lock alone, and that of all leases.
create function end_held(who bigint) returns void language sql as $$
    update life set ended_no = nextval('ending') where id = who and ended_no is null;
    update lease set holder = null where holder = who;
    delete from want where life = who;
$$;

-- Ends a life, after all that it has under way.
create function end_life(who bigint) returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(1416588396, who::integer);
    perform pg_advisory_xact_lock(1416588396, 0);
    perform end_held(who);
end $$;

-- Begins a life. An earlier one of the same name ends first.
create function begin_life(called bytea, lasts_ms bigint) returns bigint language plpgsql as $$
declare old bigint; ended bigint[] := '{}'; made bigint;
begin
    for old in select id from life where name = called and ended_no is null order by id loop
        perform pg_advisory_xact_lock(1416588396, old::integer);
        ended := ended || old;
    end loop;
    perform pg_advisory_xact_lock(1416588396, 0);
    for old in select id from life where name = called and ended_no is null order by id loop
        if not old = any (ended) then
            raise exception 'another process of this name starts at this moment' using errcode = '55P03';
        end if;
        perform end_held(old);
    end loop;
    delete from life where ended_no is not null and until < lease_clock() - interval '90 days';
    insert into life (name, until) values (called, lease_clock() + lasts_ms * interval '1 millisecond')
        returning id into made;
    return made;
end $$;

-- A life that is no longer known has ended long ago.
create function has_ended(called bytea, who bigint) returns boolean language sql stable as $$
    select not exists (select from life where id = who and name = called and ended_no is null)
$$;

create function is_contested(me bigint, of_scope bytea, of_key bytea) returns boolean language sql stable as $$
    select exists (select from want where scope = of_scope and key = of_key and life <> me)
$$;

-- The even share; what is left over goes to those that live longest.
create function quota(me bigint, of_scope bytea) returns bigint language sql stable as $$
    with lives as (select distinct life from want where scope = of_scope),
        counts as (select (select count(distinct key) from want where scope = of_scope) as keys,
            (select count(*) from lives) as all_lives, (select count(*) from lives where life <= me) as place)
    select case when all_lives = 0 then 0
        else keys / all_lives + case when place <= keys % all_lives then 1 else 0 end end from counts
$$;

create function has(me bigint, of_scope bytea) returns bigint language sql stable as $$
    select count(*) from lease where scope = of_scope and holder = me
$$;

-- Renews a life and all its leases, gives back what it wants to be rid of, ends lives that were not renewed, and takes what is
-- free: all that nobody else wants, and of the rest its share. Tells what is held then, of each scope at least one row, and one
-- row without a scope.
create function renew(
    me bigint, lasts_ms bigint, scopes bytea[], keys bytea[], back_scopes bytea[], back_keys bytea[])
returns table (o_scope bytea, o_key bytea, o_fence bigint, o_contested boolean, o_quota bigint, o_endings bigint)
language plpgsql as $$
declare old bigint; each record;
begin
    perform pg_advisory_xact_lock(1416588396, 0);
    update life set until = lease_clock() + lasts_ms * interval '1 millisecond' where id = me and ended_no is null;
    if not found then
        raise exception 'another process has taken over from this one' using errcode = 'TW001';
    end if;
    update lease l set holder = null from unnest(back_scopes, back_keys) as t (s, k)
        where l.scope = t.s and l.key = t.k and l.holder = me;
    delete from want w where w.life = me
        and not exists (select from unnest(scopes, keys) as t (s, k) where t.s = w.scope and t.k = w.key);
    insert into want (life, scope, key) select me, s, k from unnest(scopes, keys) as t (s, k) on conflict do nothing;
    insert into lease (scope, key, fence) select s, k, 0 from unnest(scopes, keys) as t (s, k) on conflict do nothing;
    for old in select id from life where ended_no is null and until < lease_clock() order by id loop
        -- One that still writes at this moment is left to the next renewal.
        if pg_try_advisory_xact_lock(1416588396, old::integer) then perform end_held(old); end if;
    end loop;
    for each in
        select l.scope as s, l.key as k, is_contested(me, l.scope, l.key) as c
        from lease l join want w on w.life = me and w.scope = l.scope and w.key = l.key
        where l.holder is null order by 3, 1, 2
    loop
        if not each.c or has(me, each.s) < quota(me, each.s) then
            update lease l set holder = me, fence = l.fence + 1 where l.scope = each.s and l.key = each.k;
        end if;
    end loop;
    return query select t.s, l.key, l.fence, is_contested(me, l.scope, l.key), quota(me, t.s),
            (select coalesce(max(ended_no), 0) from life)
        from (select s from unnest(scopes) as s union select null) as t
        left join lease l on l.scope = t.s and l.holder = me order by 1, 2;
end $$;
