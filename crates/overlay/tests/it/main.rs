//! What the overlays promise, driven through the plug-in boundary alone.

mod accordion;
mod can;
mod central_index;
mod chord;
mod client_server;
mod expanding_ring;
mod flooding;
mod generators;
mod graphs;
mod harness;
mod histories;
mod kademlia;
mod kelips;
mod koorde;
mod onehop;
mod overdue;
mod pastry;
mod random_walk;
mod sharing;
mod storage;
mod tapestry;
