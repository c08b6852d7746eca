"""Programs that compile, script or trace their model, and wrap it for several devices."""

import torch
import torch.nn as nn


@torch.jit.script
def fused_gelu(x: torch.Tensor) -> torch.Tensor:
    return x * 0.5 * (1.0 + torch.tanh(0.79788456 * x * (1 + 0.044715 * x * x)))


class Cell(torch.jit.ScriptModule if False else nn.Module):
    __constants__ = ["hidden"]

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.hidden = hidden
        self.i2h = nn.Linear(inputs, hidden)
        self.h2h = nn.Linear(hidden, hidden)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = torch.tanh(self.i2h(x) + self.h2h(h))
        return h, h


class Loop(nn.Module):
    def __init__(self, cell: nn.Module):
        super().__init__()
        self.cell = cell

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        h = torch.zeros(xs.size(1), self.cell.hidden)
        outs: list[torch.Tensor] = []
        for x in xs.unbind(0):
            out, h = self.cell(x, h)
            outs.append(out)
        return torch.stack(outs)

    @torch.jit.export
    def last(self, xs: torch.Tensor) -> torch.Tensor:
        return self.forward(xs)[-1]


torch.manual_seed(0)
x = torch.randn(5, 3, 4)
print(fused_gelu(x).sum())
loop = Loop(Cell(4, 6))
scripted = torch.jit.script(loop)
print(torch.allclose(scripted(x), loop(x)), scripted.last(x).shape)
cell = Cell(4, 6).eval()
traced = torch.jit.trace(cell, (x[0], torch.zeros(3, 6)))
with torch.no_grad():
    print(traced(x[0], torch.zeros(3, 6))[0].mean())
frozen = torch.jit.freeze(torch.jit.script(cell))
print(torch.allclose(frozen(x[0], torch.zeros(3, 6))[0], cell(x[0], torch.zeros(3, 6))[0]))


@torch.compile(backend="eager")
def step(a, b):
    return torch.sin(a) + torch.cos(b)


print(step(x, x).norm())
model = nn.DataParallel(nn.Linear(4, 2))
print(sorted(model.state_dict()), model(x[0]).shape, isinstance(model.module, nn.Linear))
saved = {k.replace("module.", ""): v for k, v in model.state_dict().items()}
plain = nn.Linear(4, 2)
print(plain.load_state_dict(saved), torch.equal(plain(x[0]), model(x[0])))


@torch.jit.ignore
def helper(x):
    return x


@torch.no_grad()
def accumulate(model1, model2, decay=0.5):
    for (k, p), (_, q) in zip(model1.named_parameters(), model2.named_parameters()):
        p.data.mul_(decay).add_(q.data, alpha=1 - decay)


accumulate(plain, nn.Linear(4, 2))
print(plain.weight.sum().item(), torch.jit.is_scripting(), torch.jit.is_tracing())
