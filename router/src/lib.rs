//! A payment router for x402: price every way to pay, explain the ranking, pay the cheapest safe one
