//! Analytics: figures of the shop, counted once per event (`rollups`), and live messages of what happens in it (`realtime`).

pub mod api;
pub mod consumers;
pub mod realtime;
pub mod rollups;
