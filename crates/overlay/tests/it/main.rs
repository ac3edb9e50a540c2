//! What the overlays promise, driven through the plug-in boundary alone.

mod central_index;
mod chord;
mod flooding;
mod graphs;
mod harness;
mod kademlia;
mod kelips;
mod onehop;
mod pastry;
