use crate::naive::{self, DEPTH_MAX, Members};
use serde_json::Value;
use tollway_core::wire::{
    FacilitatorRequest, SupportedKind, SupportedResponse, VerifyResponse, read_facilitator_request,
    read_requirement, write_facilitator_request,
};
use tollway_core::{Code, Flow, Json, Leg, Payment, Version};
use tollway_evm::FAMILY;

/// The body of `/verify` or `/settle`, or an answer of `/verify` or `/supported`.
pub fn facilitator(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(json) = Json::parse(text) else { return };
    if naive::depth(data) > DEPTH_MAX {
        return;
    }
    let Some(members) = Members::of(text) else {
        assert!(read_facilitator_request(&json, &[FAMILY]).is_err(), "a request is an object");
        return;
    };
    if let Ok(request) = read_facilitator_request(&json, &[FAMILY]) {
        asked(&request, &members);
        written(&request);
    }
    verified(&json, &members);
    supported(&json);
}

/// A request that was read says the same on both of its sides, and what its parts say alone.
fn asked(request: &FacilitatorRequest, members: &Members) {
    let order = &request.order;
    let version = order.requirement.version;
    let requirements = members.get("paymentRequirements").expect("requirements");
    assert_eq!(&order.requirement.raw.value(), requirements);
    let alone =
        read_requirement(&Json::parse(order.requirement.raw.as_str()).expect("JSON"), version, &[FAMILY]);
    assert_eq!(alone.as_ref(), Ok(&order.requirement));
    assert_eq!(request.amount_atomic, order.requirement.price.atomic());
    let accepted = &order.payment.accepted;
    assert_eq!((accepted.scheme, accepted.chain), (order.requirement.scheme, order.requirement.chain));
    let leg = if order.requirement.flow == Flow::Authorization { Leg::After } else { Leg::Before };
    assert_eq!(order.leg, leg);

    let payment = members.get("paymentPayload").and_then(Value::as_object).expect("a payment is an object");
    let said = |members: Option<&Value>| members.and_then(Value::as_u64);
    assert_eq!(said(payment.get("x402Version")), Some(u8::from(version).into()));
    let outer = said(members.get("x402Version"));
    assert!(outer.is_none() || outer == said(payment.get("x402Version")));
    assert_eq!(Some(&order.payment.payload.value()), payment.get("payload"));
    if version == Version::V2 {
        assert_eq!(Some(&accepted.raw.value()), payment.get("accepted"));
    }
}

fn written(request: &FacilitatorRequest) {
    let order = &request.order;
    let out = match write_facilitator_request(order, &[FAMILY]) {
        Ok(out) => out,
        Err(e) => {
            assert_eq!((order.requirement.version, e.code), (Version::V1, Code::InvalidNetwork));
            return;
        }
    };
    let again = read_facilitator_request(&out, &[FAMILY]).expect("what was written is read");
    assert_eq!((again.amount_atomic, again.order.leg), (request.amount_atomic, order.leg));
    assert_eq!(again.order.requirement, order.requirement);
    // v1 has no room for them, and an empty one is not written.
    let full = |json: &Option<Json>| {
        json.clone().filter(|json| !json.is_empty() && order.requirement.version == Version::V2)
    };
    let (extensions, resource) = (full(&order.payment.extensions), full(&order.payment.resource));
    assert_eq!(again.order.payment, Payment { extensions, resource, ..order.payment.clone() });
}

fn verified(json: &Json, members: &Members) {
    let Ok(answer) = json.read::<VerifyResponse>() else { return };
    assert_eq!(Some(&Value::Bool(answer.is_valid)), members.get("isValid"));
    assert_eq!(answer.payer.as_deref(), members.str("payer"));
    assert_eq!(answer.invalid_reason, members.str("invalidReason").map(Code::from_wire));
    let again: VerifyResponse = Json::of(&answer).read().expect("what was written is read");
    let extra = answer.extra.clone().filter(|extra| !extra.is_empty());
    assert_eq!(again, VerifyResponse { extra, ..answer });
}

fn supported(json: &Json) {
    let Ok(answer) = json.read::<SupportedResponse>() else { return };
    let again: SupportedResponse = Json::of(&answer).read().expect("what was written is read");
    assert_eq!((&again.extensions, &again.signers), (&answer.extensions, &answer.signers));
    assert_eq!(again.kinds.len(), answer.kinds.len());
    for (kind, again) in answer.kinds.iter().zip(&again.kinds) {
        let read = kind.kind(&[FAMILY], &[]);
        assert_eq!(again.kind(&[FAMILY], &[]), read);
        let Some(read) = read else { continue };
        assert_eq!((u8::from(read.version), read.scheme.as_str()), (kind.version, kind.scheme.as_str()));
        match SupportedKind::of(&read, &[FAMILY]) {
            Some(written) => assert_eq!(written.kind(&[FAMILY], &[]), Some(read)),
            None => assert_eq!(read.version, Version::V1, "only v1 lacks names"),
        }
    }
}
