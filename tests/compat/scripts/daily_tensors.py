"""The tensor work of an ordinary day: shapes, views, indices, in-place forms, conversions."""

import numpy as np
import torch

x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
print(x.shape, x.size(-1), x.dim(), x.numel(), x.dtype, x.device)
print(x.unsqueeze(0).unsqueeze(-1).squeeze((0, -1)).shape)
print(x.transpose(1, 2).shape, x.permute(2, 0, 1).stride(), x.is_contiguous())
try:
    x.transpose(1, 2).view(-1)
except RuntimeError as error:
    print("RuntimeError", "view size is not compatible" in str(error))
print(x.transpose(1, 2).contiguous().view(-1)[:5])
print(x.narrow(2, 1, 2)[0])
print(torch.tensor([[1], [2], [3]]).expand(3, 4))
print(torch.tensor([1, 2, 3]).repeat_interleave(2))
print(torch.repeat_interleave(torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 2]), dim=0))
values, indices = torch.topk(torch.tensor([1.0, 9.0, 3.0, 7.0]), k=2)
print(values, indices)
print(torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]])))

w = torch.ones(3, requires_grad=True)
copy = torch.empty(3).copy_(w)
(copy.clone() * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
print(w.grad, copy.requires_grad, w.detach().requires_grad)

y = torch.zeros(3)
y.add_(2).mul_(3)
y[1:] -= 1
print(y, y.to(torch.int64), y.bool(), y.half().dtype, y.type(torch.float64).dtype)
array = y.numpy()
array[0] = -1
print(y, torch.from_numpy(np.eye(2, dtype=np.float32)))
mask = y > 0
print(mask, y[mask], torch.where(mask, y, torch.zeros_like(y)), y.argmax().item())
print(torch.cat([y, y]).view(2, 3).sum(dim=0, keepdim=True), torch.stack([y, y]).mean())
a, b = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.eye(2)
print(a @ b, torch.einsum("ij,kj->ik", a, b), a.T, a.norm().item())
print(max(torch.tensor(0.5), 0), torch.clamp(a, 1.5, 3.5), torch.linspace(0, 1, 5))
torch.manual_seed(7)
print(torch.rand(3), torch.randn(3), torch.randint(0, 10, (5,)), torch.randperm(6))
