//! What the overlays promise, driven through the plug-in boundary alone.

mod accordion;
mod can;
mod central_index;
mod chord;
mod client_server;
mod expanding_ring;
mod flooding;
mod generators;
mod gia;
mod graphs;
mod harness;
mod histories;
mod index_servers;
mod kademlia;
mod kelips;
mod keywords;
mod koorde;
mod memberships;
mod onehop;
mod overdue;
mod pastry;
mod random_walk;
mod sharing;
mod storage;
mod super_peer;
mod tapestry;
