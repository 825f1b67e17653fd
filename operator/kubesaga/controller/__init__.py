"""The shell round the engine: queue, caches, writes. It holds no rule of its own."""
