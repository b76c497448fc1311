//! What publishing a settlement's bytes costs, on chains that pay a layer below for that.

use alloy::primitives::keccak256;
use tollway_core::{Bearer, Effort, Part, Purpose, TxId, Work};
use tollway_evm::Evm;

/// Bytes that nothing compresses.
pub fn noise(len: usize) -> Vec<u8> {
    let blocks = 0..len.div_ceil(32);
    blocks.flat_map(|n| keccak256(n.to_be_bytes())).take(len).collect()
}

/// Holds what was told of publishing a settlement's bytes against the transaction that was sent for it.
///
/// # Panics
/// When the two are more than three percent apart.
pub async fn l1_data_is_as_told(evm: &dyn Evm, told: &Effort, sent: &TxId) {
    let tariff = evm.tariff(Purpose::Interactive, &[]).await.unwrap();
    let wei = |work: &Work| {
        let cost = tariff.price(work).unwrap();
        cost.parts.iter().find(|(part, _)| *part == Part::L1Data).map(|(_, wei)| *wei).unwrap()
    };
    let call = evm.call_of(sent).await.unwrap().unwrap();
    let gas = evm.mined(sent).await.unwrap().unwrap().gas_used;
    let real = wei(&Work::new(Bearer::Settler, "sent", gas, evm.sample(&call, gas)));
    let told = wei(told.works.last().unwrap());
    assert!(real > 0 && told.abs_diff(real) <= real * 3 / 100, "{told} wei were told, {real} it was");
}
