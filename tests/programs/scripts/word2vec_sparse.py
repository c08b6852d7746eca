"""Skip-gram with negative sampling: sparse embeddings, whose rows SparseAdam moves."""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

text = (
    """the king rules the land and the queen rules the court . the dog chases the cat and the
cat chases the mouse . the king and the queen walk the dog in the land . a mouse fears the cat
and a cat fears the dog . the court loves the queen and the land loves the king .""".split()
    * 4
)
vocab = sorted(set(text))
index = {w: i for i, w in enumerate(vocab)}
ids = [index[w] for w in text]


class SkipGramModel(nn.Module):
    def __init__(self, emb_size, emb_dimension):
        super().__init__()
        self.emb_size = emb_size
        self.emb_dimension = emb_dimension
        self.u_embeddings = nn.Embedding(emb_size, emb_dimension, sparse=True)
        self.v_embeddings = nn.Embedding(emb_size, emb_dimension, sparse=True)
        initrange = 1.0 / self.emb_dimension
        nn.init.uniform_(self.u_embeddings.weight.data, -initrange, initrange)
        nn.init.constant_(self.v_embeddings.weight.data, 0)

    def forward(self, pos_u, pos_v, neg_v):
        emb_u = self.u_embeddings(pos_u)
        emb_v = self.v_embeddings(pos_v)
        emb_neg_v = self.v_embeddings(neg_v)
        score = torch.sum(torch.mul(emb_u, emb_v), dim=1)
        score = torch.clamp(score, max=10, min=-10)
        score = -F.logsigmoid(score)
        neg_score = torch.bmm(emb_neg_v, emb_u.unsqueeze(2)).squeeze()
        neg_score = torch.clamp(neg_score, max=10, min=-10)
        neg_score = -torch.sum(F.logsigmoid(-neg_score), dim=1)
        return torch.mean(score + neg_score)


def train(make_optimizer, name, epochs=4):
    random.seed(1)
    torch.manual_seed(1)
    model = SkipGramModel(len(vocab), 12)
    optimizer = make_optimizer(list(model.parameters()))
    pairs = [(ids[i], ids[j]) for i in range(len(ids))
             for j in range(max(0, i - 2), min(len(ids), i + 3)) if i != j]  # fmt: skip
    for epoch in range(epochs):
        random.shuffle(pairs)
        running = 0.0
        for start in range(0, len(pairs) - 31, 32):
            u, v = torch.tensor(pairs[start : start + 32]).t()
            negatives = torch.randint(0, len(vocab), (32, 4))
            optimizer.zero_grad()
            loss = model(u, v, negatives)
            loss.backward()
            optimizer.step()
            running = running * 0.9 + loss.item() * 0.1
        print(f"{name} epoch {epoch} loss {running:.4f}")
    return model, optimizer


model, optimizer = train(lambda p: optim.SparseAdam(p, lr=0.02), "SparseAdam")
gradient = model.v_embeddings.weight.grad
print(gradient.is_sparse, gradient.layout, tuple(gradient.shape), gradient.coalesce()._nnz() <= 22)
vectors = F.normalize(model.u_embeddings.weight.detach())
for word in ("king", "cat"):
    likeness = vectors @ vectors[index[word]]
    print(word, [round(x, 2) for x in sorted(likeness.tolist(), reverse=True)[1:4]])
state = optimizer.state_dict()["state"]
print(sorted(state), [(k, getattr(v, "shape", v)) for k, v in sorted(state[0].items())])
train(lambda p: optim.Adagrad(p, lr=0.1), "Adagrad", epochs=2)
train(lambda p: optim.SGD(p, lr=0.5), "SGD", epochs=2)
train(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), "SGD with momentum", epochs=2)
try:
    optim.Adam([model.u_embeddings.weight]).step()
except RuntimeError as error:
    print(error)
