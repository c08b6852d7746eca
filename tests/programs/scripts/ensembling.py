"""torch.func: per-sample gradients, an ensemble in one call, Hessians, MAML."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacrev,
    stack_module_state,
    vmap,
)


class SimpleMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(16, 12)
        self.fc2 = nn.Linear(12, 3)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


torch.manual_seed(0)
data, targets = torch.randn(20, 16), torch.randint(3, (20,))
models = [SimpleMLP() for _ in range(4)]
params, buffers = stack_module_state(models)
base_model = copy.deepcopy(models[0])


def fmodel(params, buffers, x):
    return functional_call(base_model, (params, buffers), (x,))


predictions = vmap(fmodel, in_dims=(0, 0, None))(params, buffers, data)
loop = torch.stack([m(data) for m in models])
print(predictions.shape, torch.allclose(predictions, loop, atol=1e-5))

model = models[0]
params = {k: v.detach() for k, v in model.named_parameters()}


def compute_loss(params, sample, target):
    out = functional_call(model, params, (sample.unsqueeze(0),))
    return F.cross_entropy(out, target.unsqueeze(0))


per_sample = vmap(grad(compute_loss), in_dims=(None, 0, 0))(params, data, targets)
norms = torch.stack([g.flatten(1).norm(dim=1) for g in per_sample.values()]).norm(dim=0)
print(per_sample["fc1.weight"].shape, f"{norms.mean():.4f}")
grads, loss = grad_and_value(compute_loss)(params, data[0], targets[0])
print(f"{loss:.4f} {grads['fc2.bias'].norm():.4f}")
print(f"{hessian(lambda x: torch.sin(x).prod())(torch.arange(1.0, 4.0)).sum():.4f}")
print(f"{jacrev(lambda x: model(x[None])[0])(data[0]).norm():.4f}")


def inner(params, x, y, lr=0.1):
    grads = grad(lambda p: F.cross_entropy(functional_call(model, p, (x,)), y))(params)
    return {k: params[k] - lr * grads[k] for k in params}


def outer(params, x, y):
    return F.cross_entropy(functional_call(model, inner(params, x[:10], y[:10]), (x[10:],)), y[10:])


optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(5):
    loss = outer(dict(model.named_parameters()), data, targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"meta loss {loss.item():.4f}")
