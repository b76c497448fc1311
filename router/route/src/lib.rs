//! The brain of Tollway: candidates, quotes, ranking, policy
