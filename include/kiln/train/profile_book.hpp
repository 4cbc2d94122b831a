// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The accounts of a Profiler: who took how much of the batches of one kind, and the `Profile` that comes of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <kiln/autograd/layer_scope.hpp>
#include <kiln/train/profile.hpp>

namespace kiln::detail {

/// What somebody took of a batch.
struct Spent {
  std::int64_t time = 0;
  double flops = 0;
};

/// The layers that ran in the batches of one kind, and what everything took. Account 0 to 5 are the parts outside of
/// the layers; each layer has one for either pass.
struct ProfileBook {
  enum Part { rest, data, loss, loss_backward, optimizer, metrics, parts };

  struct Layer {
    LayerKey key;
    bool named = false;
    std::size_t parent = 0;
    std::size_t last_child = 0;  // that ran, after which the next one is looked for
    std::vector<std::size_t> children{};
    ProfileRow row{};
    Index runs = 0;  // in this batch
    Index all_runs = 0;
  };

  std::vector<Layer> layers{{}};                             // the first stands for what surrounds the model
  std::vector<Spent> batch = std::vector<Spent>(parts + 2);  // by account
  std::vector<Spent> total = std::vector<Spent>(parts + 2);
  Profile profile{};
  bool doubles = false;  // comes out of the layers

  static std::size_t forward_of(std::size_t layer) { return parts + 2 * layer; }
  static std::size_t backward_of(std::size_t layer) { return parts + 2 * layer + 1; }
  /// 0 for a part outside of the layers.
  static std::size_t layer_of(std::size_t account) { return account < parts ? 0 : (account - parts) / 2; }

  /// The layer of this call inside of another. What has no name is known by its type, since its address may change.
  std::size_t find(const LayerCall& call, std::size_t parent) {
    std::vector<std::size_t>& children = layers[parent].children;
    for (std::size_t i = 0; i < children.size(); ++i) {
      const std::size_t at = (layers[parent].last_child + i) % children.size();
      const Layer& layer = layers[children[at]];
      if (layer.named != call.named) continue;
      if (call.named ? layer.key != call.key : layer.key.type != call.key.type) continue;
      layers[parent].last_child = at + 1;
      return children[at];
    }
    const std::size_t added = layers.size();
    children.push_back(added);
    layers.push_back({.key = call.key, .named = call.named, .parent = parent});
    layers.back().row.path = call.path;
    layers.back().row.layer = call.type;
    layers.back().row.depth = parent ? layers[parent].row.depth + 1 : 0;
    batch.resize(backward_of(added) + 1);
    total.resize(batch.size());
    return added;
  }

  /// Counts the batch, or forgets it.
  void end_batch(bool counts, Index samples) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Spent spent = std::exchange(batch[i], {});
      if (!counts) continue;
      total[i].time += spent.time;
      total[i].flops += spent.flops;
    }
    for (Layer& layer : layers) {
      const Index runs = std::exchange(layer.runs, 0);
      if (counts) layer.all_runs += runs;
    }
    if (!counts) return;
    ++profile.batches;
    profile.samples += samples;
    profile.batch_size = (std::max)(profile.batch_size, samples);
  }

  Profile result() const {
    Profile all = profile;
    if (all.batches == 0) return all;
    const double share = 1 / static_cast<double>(all.batches);
    const auto seconds = [&](std::size_t account) { return static_cast<double>(total[account].time) * 1e-9 * share; };
    all.rest = seconds(rest);
    all.data = seconds(data);
    all.loss = seconds(loss);
    all.loss_backward = seconds(loss_backward);
    all.optimizer = seconds(optimizer);
    all.metrics = seconds(metrics);
    all.seconds = all.rest + all.data + all.loss + all.loss_backward + all.optimizer + all.metrics;
    for (std::size_t child : layers[0].children) all.seconds += add_rows(all, child, share, seconds).seconds();
    return all;
  }

 private:
  /// The layer and, behind it, those within.
  ProfileRow add_rows(Profile& all, std::size_t at, double share, const auto& seconds) const {
    const Layer& layer = layers[at];
    if (layer.all_runs == 0) return {};
    ProfileRow row = layer.row;
    row.runs = static_cast<double>(layer.all_runs) * share;
    row.forward = row.own_forward = seconds(forward_of(at));
    row.backward = row.own_backward = seconds(backward_of(at));
    row.flops = row.own_flops = total[forward_of(at)].flops * share;
    row.backward_flops = row.own_backward_flops = total[backward_of(at)].flops * share;
    const std::size_t place = all.rows.size();
    all.rows.emplace_back();
    for (std::size_t child : layer.children) {
      const ProfileRow inner = add_rows(all, child, share, seconds);
      row.forward += inner.forward;
      row.backward += inner.backward;
      row.flops += inner.flops;
      row.backward_flops += inner.backward_flops;
    }
    return all.rows[place] = std::move(row);
  }
};

}  // namespace kiln::detail
