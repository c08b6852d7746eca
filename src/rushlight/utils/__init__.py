"""Data loading, summaries, TensorBoard and other helpers around training."""
