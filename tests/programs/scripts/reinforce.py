"""REINFORCE and actor-critic on a pole balanced on a cart, simulated here."""

import argparse
import math
from collections import namedtuple
from itertools import count

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical

parser = argparse.ArgumentParser(description="policy gradients")
parser.add_argument("--gamma", type=float, default=0.99, metavar="G")
parser.add_argument("--episodes", type=int, default=12)
parser.add_argument("--seed", type=int, default=543, metavar="N")
args = parser.parse_args()


class CartPole:
    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def reset(self):
        self.state = self.random.uniform(-0.05, 0.05, 4)
        return self.state.astype(np.float32)

    def step(self, action):
        x, v, theta, omega = self.state
        force = 10.0 if action == 1 else -10.0
        cos, sin = math.cos(theta), math.sin(theta)
        temp = (force + 0.05 * omega**2 * sin) / 1.1
        alpha = (9.8 * sin - cos * temp) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
        acc = temp - 0.05 * alpha * cos / 1.1
        self.state = self.state + 0.02 * np.array([v, acc, omega, alpha])
        done = bool(abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.2095)
        return self.state.astype(np.float32), 1.0, done


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 32)
        self.dropout = nn.Dropout(p=0.6)
        self.affine2 = nn.Linear(32, 2)
        self.saved_log_probs = []
        self.rewards = []

    def forward(self, x):
        x = F.relu(self.dropout(self.affine1(x)))
        return F.softmax(self.affine2(x), dim=1)


SavedAction = namedtuple("SavedAction", ["log_prob", "value"])


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 32)
        self.action_head = nn.Linear(32, 2)
        self.value_head = nn.Linear(32, 1)
        self.saved_actions = []
        self.rewards = []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


def discounted(rewards):
    R, returns = 0, []
    for r in rewards[::-1]:
        R = r + args.gamma * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    return (returns - returns.mean()) / (returns.std() + np.finfo(np.float32).eps.item())


def reinforce(env):
    policy = Policy()
    optimizer = optim.Adam(policy.parameters(), lr=1e-2)
    running = 10
    for episode in range(args.episodes):
        state, total = env.reset(), 0
        for _t in range(1, 200):
            probs = policy(torch.from_numpy(state).float().unsqueeze(0))
            m = Categorical(probs)
            action = m.sample()
            policy.saved_log_probs.append(m.log_prob(action))
            state, reward, done = env.step(action.item())
            policy.rewards.append(reward)
            total += reward
            if done:
                break
        running = 0.05 * total + 0.95 * running
        policy_loss = [-lp * R for lp, R in zip(policy.saved_log_probs, discounted(policy.rewards))]
        optimizer.zero_grad()
        loss = torch.cat(policy_loss).sum()
        loss.backward()
        optimizer.step()
        del policy.rewards[:]
        del policy.saved_log_probs[:]
        if episode % 4 == 3:
            print(f"REINFORCE {episode} length {total:.0f} average {running:.4f} loss {loss:.4f}")


def actor_critic(env):
    model = ActorCritic()
    optimizer = optim.Adam(model.parameters(), lr=3e-2)
    for episode in range(args.episodes):
        state = env.reset()
        for t in count(1):
            probs, value = model(torch.from_numpy(state))
            m = Categorical(probs)
            action = m.sample()
            model.saved_actions.append(SavedAction(m.log_prob(action), value))
            state, reward, done = env.step(action.item())
            model.rewards.append(reward)
            if done or t > 200:
                break
        policy_losses, value_losses = [], []
        for (log_prob, value), R in zip(model.saved_actions, discounted(model.rewards)):
            advantage = R - value.item()
            policy_losses.append(-log_prob * advantage)
            value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
        optimizer.zero_grad()
        loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
        loss.backward()
        optimizer.step()
        del model.rewards[:]
        del model.saved_actions[:]
        if episode % 4 == 3:
            print(f"actor-critic {episode} length {t} entropy {m.entropy():.4f} loss {loss:.4f}")


env = CartPole(args.seed)
torch.manual_seed(args.seed)
reinforce(env)
actor_critic(env)
