"""Logging for TensorBoard, with torch.utils.tensorboard's interface and no dependencies."""

from .writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
