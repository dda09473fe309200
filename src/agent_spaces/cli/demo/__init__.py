"""The demo: a swarm of agents surveys a folder, over real sockets."""
