//! Analytics: figures of the shop, in which each event counts once (`rollups`), and live updates over WebSocket
//! (`realtime`).

pub mod api;
pub mod consumers;
pub mod realtime;
pub mod rollups;
