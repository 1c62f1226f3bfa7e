//! Live messages: who is connected, what they follow, and what they have missed.
