//! The mouth of Tollway: paying client, paywall layer and facilitator over HTTP
