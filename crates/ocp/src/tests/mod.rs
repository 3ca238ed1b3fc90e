//! Links and hosts against RFC 4037, each alone and both together, without time; and what only TCP can show.

mod alone;
mod both;
mod connections;
mod failing;
mod head_of_line;
mod memory;
mod negotiation;
mod offering;
mod prediction;
mod services;
mod stopping;
mod tcp;
mod used_up;
