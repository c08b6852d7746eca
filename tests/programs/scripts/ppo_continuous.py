"""Proximal policy optimization with continuous actions: a mass on a track."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions.normal import Normal


class Track:
    """A mass on a line, to be pushed to the middle and kept there."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def reset(self):
        self.place, self.speed = self.random.uniform(-1, 1, 2)
        self.time = 0
        return self.observe()

    def observe(self):
        return np.array([self.place, self.speed, self.time / 32], dtype=np.float32)

    def step(self, action):
        push = float(np.clip(action[0], -2, 2))
        self.speed = 0.9 * self.speed + 0.2 * push
        self.place += 0.2 * self.speed
        self.time += 1
        cost = self.place**2 + 0.05 * self.speed**2 + 0.01 * push**2
        return self.observe(), -cost, self.time == 32


def layer_init(layer, std=np.sqrt(2), bias_const=0.0):
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, bias_const)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(
            layer_init(nn.Linear(3, 32)),
            nn.Tanh(),
            layer_init(nn.Linear(32, 1), std=1.0),
        )
        self.actor_mean = nn.Sequential(
            layer_init(nn.Linear(3, 32)),
            nn.Tanh(),
            layer_init(nn.Linear(32, 1), std=0.01),
        )
        self.actor_logstd = nn.Parameter(torch.zeros(1, 1))

    def get_value(self, x):
        return self.critic(x)

    def get_action_and_value(self, x, action=None):
        action_mean = self.actor_mean(x)
        action_std = torch.exp(self.actor_logstd.expand_as(action_mean))
        probs = Normal(action_mean, action_std)
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action).sum(1), probs.entropy().sum(1), self.critic(x)


STEPS, BATCH, MINIBATCH, GAMMA, LAMBDA, CLIP = 32, 128, 32, 0.99, 0.95, 0.2
np.random.seed(1)
torch.manual_seed(1)
envs = [Track(seed) for seed in range(4)]
agent = Agent()
optimizer = optim.Adam(agent.parameters(), lr=5e-3, eps=1e-5)

obs = torch.zeros((STEPS, 4, 3))
actions = torch.zeros((STEPS, 4, 1))
logprobs, rewards, dones, values = (torch.zeros((STEPS, 4)) for _ in range(4))
next_obs = torch.tensor(np.stack([env.reset() for env in envs]))
next_done = torch.zeros(4)

for iteration in range(1, 11):
    for step in range(STEPS):
        obs[step], dones[step] = next_obs, next_done
        with torch.no_grad():
            action, logprob, _, value = agent.get_action_and_value(next_obs)
            values[step] = value.flatten()
        actions[step], logprobs[step] = action, logprob
        seen = []
        for i, env in enumerate(envs):
            state, reward, done = env.step(action[i].cpu().numpy())
            rewards[step, i], next_done[i] = reward, float(done)
            seen.append(env.reset() if done else state)
        next_obs = torch.Tensor(np.stack(seen))

    with torch.no_grad():
        next_value = agent.get_value(next_obs).reshape(1, -1)
        advantages = torch.zeros_like(rewards)
        lastgaelam = 0
        for t in reversed(range(STEPS)):
            nextnonterminal = 1.0 - (next_done if t == STEPS - 1 else dones[t + 1])
            nextvalues = next_value if t == STEPS - 1 else values[t + 1]
            delta = rewards[t] + GAMMA * nextvalues * nextnonterminal - values[t]
            lastgaelam = delta + GAMMA * LAMBDA * nextnonterminal * lastgaelam
            advantages[t] = lastgaelam
        returns = advantages + values

    b_obs, b_actions = obs.reshape(-1, 3), actions.reshape(-1, 1)
    b_logprobs, b_advantages = logprobs.reshape(-1), advantages.reshape(-1)
    b_returns = returns.reshape(-1)
    b_inds = np.arange(BATCH)
    clipfracs = []
    for _epoch in range(4):
        np.random.shuffle(b_inds)
        for start in range(0, BATCH, MINIBATCH):
            mb_inds = b_inds[start : start + MINIBATCH]
            _, newlogprob, entropy, newvalue = agent.get_action_and_value(
                b_obs[mb_inds], b_actions[mb_inds]
            )
            logratio = newlogprob - b_logprobs[mb_inds]
            ratio = logratio.exp()
            with torch.no_grad():
                approx_kl = ((ratio - 1) - logratio).mean()
                clipfracs += [((ratio - 1.0).abs() > CLIP).float().mean().item()]
            mb_advantages = b_advantages[mb_inds]
            mb_advantages = (mb_advantages - mb_advantages.mean()) / (mb_advantages.std() + 1e-8)
            pg_loss1 = -mb_advantages * ratio
            pg_loss2 = -mb_advantages * torch.clamp(ratio, 1 - CLIP, 1 + CLIP)
            pg_loss = torch.max(pg_loss1, pg_loss2).mean()
            v_loss = 0.5 * ((newvalue.view(-1) - b_returns[mb_inds]) ** 2).mean()
            loss = pg_loss - 0.01 * entropy.mean() + v_loss * 0.5
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    if iteration % 2 == 0:
        print(
            f"update {iteration} return {rewards.sum(0).mean():.2f} value loss {v_loss:.3f} "
            f"policy loss {pg_loss:.4f} entropy {entropy.mean():.4f} kl {approx_kl:.4f}"
        )
