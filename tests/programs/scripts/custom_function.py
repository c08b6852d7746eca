"""Own autograd Functions: ReLU, a straight-through estimator, gradient reversal, VQ-VAE; gradcheck."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Function, gradcheck


class MyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input


class LinearFunction(Function):
    @staticmethod
    def forward(input, weight, bias):
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class GradReverse(Function):
    @staticmethod
    def forward(ctx, x, lambd):
        ctx.lambd = lambd
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.lambd, None


class VectorQuantizer(nn.Module):
    def __init__(self, k, dim, beta=0.25):
        super().__init__()
        self.embedding = nn.Embedding(k, dim)
        self.embedding.weight.data.uniform_(-1.0 / k, 1.0 / k)
        self.beta = beta

    def forward(self, z):
        d = (torch.sum(z**2, dim=1, keepdim=True) + torch.sum(self.embedding.weight**2, dim=1)
             - 2 * torch.matmul(z, self.embedding.weight.t()))  # fmt: skip
        indices = torch.argmin(d, dim=1).unsqueeze(1)
        encodings = torch.zeros(indices.shape[0], self.embedding.num_embeddings)
        encodings.scatter_(1, indices, 1)
        quantized = torch.matmul(encodings, self.embedding.weight)
        loss = F.mse_loss(quantized, z.detach()) + self.beta * F.mse_loss(quantized.detach(), z)
        probs = torch.mean(encodings, dim=0)
        perplexity = torch.exp(-torch.sum(probs * torch.log(probs + 1e-10)))
        return loss, z + (quantized - z).detach(), perplexity


torch.manual_seed(0)
dtype = torch.float
N, D_in, H, D_out = 64, 40, 20, 5
x, y = torch.randn(N, D_in, dtype=dtype), torch.randn(N, D_out, dtype=dtype)
w1 = torch.randn(D_in, H, dtype=dtype, requires_grad=True)
w2 = torch.randn(H, D_out, dtype=dtype, requires_grad=True)
learning_rate = 1e-5
for t in range(100):
    relu = MyReLU.apply
    y_pred = relu(x.mm(w1)).mm(w2)
    loss = (y_pred - y).pow(2).sum()
    if t % 25 == 24:
        print(t, f"{loss.item():.3f}")
    loss.backward()
    with torch.no_grad():
        w1 -= learning_rate * w1.grad
        w2 -= learning_rate * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
inputs = tuple(
    torch.randn(*s, dtype=torch.double, requires_grad=True) for s in ((4, 3), (5, 3), (5,))
)
print(gradcheck(LinearFunction.apply, inputs, eps=1e-6, atol=1e-4))

features = nn.Linear(6, 8)
label_head, domain_head = nn.Linear(8, 2), nn.Linear(8, 2)
params = [p for m in (features, label_head, domain_head) for p in m.parameters()]
optimizer = torch.optim.Adadelta(params, lr=1.0)
for step in range(30):
    data = torch.randn(32, 6)
    domain = (torch.arange(32) % 2).long()
    labels = (data[:, 0] > 0).long()
    h = torch.relu(features(data + domain.unsqueeze(1)))
    loss = F.cross_entropy(label_head(h), labels)
    loss = loss + F.cross_entropy(domain_head(GradReverse.apply(h, 0.5)), domain)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"domain adversarial {loss.item():.4f}")

encoder, decoder, vq = nn.Linear(8, 4), nn.Linear(4, 8), VectorQuantizer(6, 4)
modules = nn.ModuleList([encoder, decoder, vq])
optimizer = torch.optim.Adam(modules.parameters(), lr=1e-2, amsgrad=False)
centres = torch.randn(6, 8)
for step in range(40):
    data = centres[torch.randint(0, 6, (64,))] + 0.1 * torch.randn(64, 8)
    vq_loss, quantized, perplexity = vq(encoder(data))
    loss = F.mse_loss(decoder(quantized), data) + vq_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"VQ-VAE loss {loss.item():.4f} perplexity {perplexity.item():.4f}")
