"""A table of a model's layers, by the packages people use for it (rushlight answers for both)."""

import torch
from torch import nn
from torchinfo import summary as info
from torchsummary import summary

model = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1176, 10)
)
summary(model, (1, 28, 28))
summary(model, input_size=(1, 28, 28), batch_size=4)
print(info(model, input_size=(2, 1, 28, 28)).total_params)
print(sum(p.numel() for p in model.parameters()), torch.is_grad_enabled())
