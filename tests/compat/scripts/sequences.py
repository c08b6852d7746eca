"""Sequences of different lengths through packed batches."""

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

torch.manual_seed(0)
lengths = [2, 4, 3]
batch = pad_sequence([torch.randn(n, 3) for n in lengths], batch_first=True)
packed = pack_padded_sequence(batch, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
print(packed.batch_sizes, packed.sorted_indices)
padded, found = pad_packed_sequence(packed, batch_first=True)
print(torch.equal(padded, batch), found)
