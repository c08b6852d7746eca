"""Semi-supervised graph convolution with a sparse, normalised adjacency, in the classical style."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.nn.modules.module import Module
from torch.nn.parameter import Parameter


def normalize(rows, cols, values, count):
    """Divide the entries of each row by the sum of the row."""
    sums = np.bincount(rows, weights=values, minlength=count)
    inverse = np.where(sums == 0, 0.0, 1.0 / np.maximum(sums, 1e-12))
    return values * inverse[rows]


def sparse_mx_to_torch_sparse_tensor(rows, cols, values, shape):
    indices = torch.from_numpy(np.vstack((rows, cols)).astype(np.int64))
    values = torch.from_numpy(values.astype(np.float32))
    return torch.sparse.FloatTensor(indices, values, torch.Size(shape))


def load_data(nodes=300, classes=4, features=24, seed=0):
    """A graph whose nodes mostly know nodes of their own class, with noisy features."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, classes, nodes)
    likely = np.where(labels[:, None] == labels[None, :], 0.06, 0.008)
    upper = np.triu(rng.rand(nodes, nodes) < likely, 1)
    adj = upper | upper.T | np.eye(nodes, dtype=bool)
    rows, cols = adj.nonzero()
    values = normalize(rows, cols, np.ones(len(rows)), nodes)
    x = rng.randn(nodes, features) * 1.5
    x[np.arange(nodes), labels] += 1.0
    return (
        sparse_mx_to_torch_sparse_tensor(rows, cols, values, (nodes, nodes)),
        torch.FloatTensor(x),
        torch.LongTensor(labels),
        torch.LongTensor(range(60)),
        torch.LongTensor(range(100, 300)),
    )


class GraphConvolution(Module):
    """Simple GCN layer, similar to https://arxiv.org/abs/1609.02907"""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(torch.FloatTensor(in_features, out_features))
        if bias:
            self.bias = Parameter(torch.FloatTensor(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        if self.bias is not None:
            self.bias.data.uniform_(-stdv, stdv)

    def forward(self, input, adj):
        support = torch.mm(input, self.weight)
        output = torch.spmm(adj, support)
        if self.bias is not None:
            return output + self.bias
        return output


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass, dropout):
        super().__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nclass)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        x = self.gc2(x, adj)
        return F.log_softmax(x, dim=1)


def accuracy(output, labels):
    preds = output.max(1)[1].type_as(labels)
    correct = preds.eq(labels).double()
    return correct.sum() / len(labels)


np.random.seed(42)
torch.manual_seed(42)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
adj, features, labels, idx_train, idx_test = load_data()
adj, features, labels = adj.to(device), features.to(device), labels.to(device)
print(adj.shape, adj.is_sparse, adj.layout, adj._nnz(), adj.dtype)
print(adj.coalesce().indices()[:, :6])
print("row sums are one:", torch.allclose(torch.sparse.sum(adj, dim=1).to_dense(), torch.ones(300)))

model = GCN(nfeat=features.shape[1], nhid=16, nclass=4, dropout=0.5).to(device)
optimizer = optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-4)
for epoch in range(60):
    model.train()
    optimizer.zero_grad()
    output = model(features, adj)
    loss_train = F.nll_loss(output[idx_train], labels[idx_train])
    loss_train.backward()
    optimizer.step()
    if epoch % 10 == 9:
        model.eval()
        with torch.no_grad():
            output = model(features, adj)
        acc = accuracy(output[idx_test], labels[idx_test])
        print(f"Epoch: {epoch + 1:04d} loss_train: {loss_train.item():.4f} "
              f"better than chance: {acc.item() > 0.4}")  # fmt: skip

# Weights of edges that are learnt: gradients reach the values of the sparse matrix.
indices = adj.coalesce().indices()
weights = torch.zeros(indices.shape[1], requires_grad=True)
optimizer = optim.SGD([weights], lr=50.0)
target = F.one_hot(labels, 4).float()
for step in range(3):
    attention = torch.sparse.softmax(torch.sparse_coo_tensor(indices, weights, adj.shape), dim=1)
    loss = F.mse_loss(torch.sparse.mm(attention, target), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"edges step {step} loss {loss.item():.5f} gradient {weights.grad.norm().item():.6f}")
csr = adj.to_sparse_csr()
print(csr.crow_indices()[:5], torch.allclose(csr @ features, torch.mm(adj, features), atol=1e-5))
