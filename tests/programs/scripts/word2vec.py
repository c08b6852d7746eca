"""Skip-gram with negative sampling and CBOW, on a small text."""

import collections
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

text = (
    """the king rules the land and the queen rules the court . the dog chases the cat and the
cat chases the mouse . the king and the queen walk the dog in the land . a mouse fears the cat
and a cat fears the dog . the court loves the queen and the land loves the king .""".split()
    * 6
)


class SkipGram(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.u_embeddings = nn.Embedding(vocab, dim, sparse=False)
        self.v_embeddings = nn.Embedding(vocab, dim, sparse=False)
        initrange = 0.5 / dim
        self.u_embeddings.weight.data.uniform_(-initrange, initrange)
        self.v_embeddings.weight.data.uniform_(-0, 0)

    def forward(self, u, v, negatives):
        emb_u, emb_v = self.u_embeddings(u), self.v_embeddings(v)
        score = torch.sum(torch.mul(emb_u, emb_v).squeeze(), dim=1)
        neg = torch.bmm(self.v_embeddings(negatives), emb_u.unsqueeze(2)).squeeze()
        return -(F.logsigmoid(score).sum() + F.logsigmoid(-1 * neg).sum()) / len(u)


class CBOW(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.embeddings = nn.EmbeddingBag(vocab, dim, mode="mean", max_norm=5.0)
        self.linear = nn.Linear(dim, vocab)

    def forward(self, context):
        return F.log_softmax(self.linear(self.embeddings(context)), dim=1)


random.seed(0)
torch.manual_seed(0)
counts = collections.Counter(text)
vocab = sorted(counts)
index = {w: i for i, w in enumerate(vocab)}
frequency = torch.tensor([counts[w] for w in vocab]).pow(0.75)
ids = [index[w] for w in text]
pairs = [(ids[i], ids[j]) for i in range(len(ids)) for j in range(max(0, i - 2), min(len(ids), i + 3))
         if i != j]  # fmt: skip
model = SkipGram(len(vocab), 16)
optimizer = optim.Adagrad(model.parameters(), lr=0.3)
for epoch in range(3):
    random.shuffle(pairs)
    total = 0.0
    batches = [pairs[i : i + 64] for i in range(0, len(pairs) - 64, 64)]
    for batch in batches:
        u, v = torch.tensor(batch).t()
        negatives = torch.multinomial(frequency, 64 * 5, replacement=True).view(64, 5)
        optimizer.zero_grad()
        loss = model(u, v, negatives)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"skip-gram epoch {epoch} loss {total / len(batches):.4f}")
vectors = F.normalize(model.u_embeddings.weight.detach())
for word in ("king", "cat"):
    values, nearest = (vectors @ vectors[index[word]]).topk(4)
    print(word, [vocab[i] for i in nearest], f"{values[1]:.3f}")

cbow = CBOW(len(vocab), 12)
optimizer = optim.Rprop(cbow.parameters(), lr=0.01)
windows = torch.tensor(ids).unfold(0, 5, 1)
context, target = windows[:, [0, 1, 3, 4]], windows[:, 2]
for step in range(20):
    loss = nn.NLLLoss()(cbow(context), target)
    cbow.zero_grad()
    loss.backward()
    optimizer.step()
print(f"CBOW loss {loss.item():.4f} norm {cbow.embeddings.weight.norm(dim=1).max():.4f}")
