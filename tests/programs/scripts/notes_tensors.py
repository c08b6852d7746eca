"""Notes on tensors, one topic after another."""

import torch

print("-- squeeze and unsqueeze")
x = torch.zeros(1, 3, 1, 2)
print(x.squeeze().shape, x.squeeze(0).shape, x.squeeze(1).shape, x.squeeze((0, 2)).shape)
print(x.unsqueeze(0).shape, x.unsqueeze(-1).shape, x[None].shape, x[..., None].shape)

print("-- reshape, view, contiguous")
a = torch.arange(6).reshape(2, 3)
print(a.view(3, 2), a.view(-1), a.reshape(6, 1).shape)
print(a.t().is_contiguous(), a.t().stride(), a.t().contiguous().stride())
try:
    a.t().view(6)
except RuntimeError as error:
    print("RuntimeError:", error)
try:
    a.view(4, 2)
except RuntimeError as error:
    print("RuntimeError:", error)
print(a.t().reshape(6))

print("-- clone and copy_")
w = torch.tensor([1.0, 2.0], requires_grad=True)
c = w.clone()
(c * 3).sum().backward()
print(w.grad, c.requires_grad)
w.grad = None
target = torch.zeros(2)
target.copy_(w)
(target**2).sum().backward()
print(w.grad, target)

print("-- narrow, expand, repeat")
m = torch.arange(12.0).view(3, 4)
print(m.narrow(0, 1, 2), m.narrow(1, 2, 1).squeeze(1))
column = torch.tensor([[1], [2]])
print(column.expand(2, 3), column.expand(-1, 2), column.repeat(1, 2), column.expand(2, 3).stride())
print(torch.tensor([1, 2]).repeat_interleave(3), column.repeat_interleave(2, dim=0))
print(torch.repeat_interleave(m, torch.tensor([1, 0, 2]), dim=0))

print("-- transpose and permute")
t = torch.arange(24).view(2, 3, 4)
print(t.transpose(0, 2).shape, t.permute(1, 0, 2).shape, t.transpose(1, 2)[0, 0], t.mT.shape)

print("-- topk, sort, gather")
s = torch.tensor([[3.0, 1.0, 2.0], [0.5, 4.0, 2.5]])
values, indices = s.topk(2, dim=1)
print(values, indices)
print(s.topk(1, largest=False).values, s.sort(descending=True).indices, s.max(dim=0))
print(s.gather(1, torch.tensor([[0], [2]])), s.scatter(1, torch.tensor([[0], [2]]), 9.0))
logits = torch.log_softmax(s, dim=-1)
print(-logits.gather(1, torch.tensor([[0], [1]])).mean())

print("-- item, detach, numpy")
print(s.sum().item(), s.detach().numpy().dtype, s[0].tolist(), torch.tensor(3).item())
g = torch.ones(2, requires_grad=True)
for attempt in (lambda: g.numpy(), lambda: s.item(), lambda: g.add_(1)):
    try:
        attempt()
    except RuntimeError as error:
        print("RuntimeError:", str(error).split(".")[0])

print("-- in place and conversion")
z = torch.zeros(3)
print(z.add_(1).mul_(2).sub_(0.5).clamp_(max=1.2), z.fill_(7).zero_())
print(z.int().dtype, z.to(torch.float64).dtype, z.type(torch.int8), z.long(), z.bool())
print((torch.tensor([1, 2]) / 2).dtype, (torch.tensor([1, 2]) * 1.5).dtype, torch.tensor(2.7).int())
print(torch.tensor([1.9, -1.9]).to(torch.int64), z.cpu() is z, z.to("cpu") is z)
try:
    torch.tensor([1, 2]).add_(0.5)
except RuntimeError as error:
    print("RuntimeError:", error)

print("-- autograd")
v = torch.arange(4.0, requires_grad=True)
y = 2 * torch.dot(v, v)
print(y)
y.backward()
print(v.grad, v.grad == 4 * v)
v.grad.zero_()
u = (v * v).detach()
(u * v).sum().backward()
print(v.grad == u)


def stepwise(a):
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


a = torch.tensor(0.3, requires_grad=True)
d = stepwise(a)
d.backward()
print(a.grad == d / a)
