// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 14: augmentation: a training set that is never the same twice.
//
// You learn  how a step of a pixel, a mirror and a patch of noise keep a network from learning its images by heart;
//            where transforms act, and why threads and batches do not change what they draw; how to ask a trained
//            network twice.
// Look at    MyCrop, which is all that a transform is; the pictures 14_crop_flip.svg, 14_erase.svg and 14_copy.svg; the
//            gap between training and validation, with augmentation and without, in 14_few.svg.
// Follows    fast.ai, part 2 of 2022, lesson 18, notebook 14_augment: https://course.fast.ai/Lessons/lesson18.html
//            There a transform treats all images of a batch alike; here each image has random numbers of its own.

#include <kiln/data/mnist.hpp>
#include <kiln/data/transforms.hpp>
#include <kiln/models/resnet.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/kaiming_init.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/tta.hpp>
#include <kiln/viz/image_grid.hpp>
#include <kiln/viz/line_plot.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// --- Transforms by hand: they take a batch and the random numbers of its images, and return the batch changed

// Every image with a border of zeros, moved by at most a pixel up or down and to one side.
struct MyCrop {
  Tensor<4> operator()(const Tensor<4>& x, SampleStreams random) const {
    const Index height = x.size(2), width = x.size(3);
    Tensor<4> moved = zeros(x.shape());
    for (Index n = 0; n < x.size(0); ++n) {
      const Index top = static_cast<Index>(random[n].below(3)) - 1, left = static_cast<Index>(random[n].below(3)) - 1;
      for (Index row = 0; row < height; ++row) {
        for (Index column = 0; column < width; ++column) {
          const Index from_row = row + top, from_column = column + left;
          const bool inside = from_row >= 0 && from_row < height && from_column >= 0 && from_column < width;
          if (inside) moved(n, 0, row, column) = x(n, 0, from_row, from_column);
        }
      }
    }
    return moved;
  }
};

// Half of the images in the mirror.
struct MyFlip {
  Tensor<4> operator()(Tensor<4> x, SampleStreams random) const {
    for (Index n = 0; n < x.size(0); ++n) {
      if (random[n].uniform() >= 0.5) continue;
      for (Index row = 0; row < x.size(2); ++row) {
        for (Index left = 0, right = x.size(3) - 1; left < right; ++left, --right)
          std::swap(x(n, 0, row, left), x(n, 0, row, right));
      }
    }
    return x;
  }
};

// Up to four patches of noise with the batch's mean and deviation, so that the layers get to see what they are used to.
struct MyErase {
  Tensor<4> operator()(Tensor<4> x, SampleStreams random) const {
    const float average = mean(x).item(), deviation = stddev(x).item();
    const float low = min(x).item(), high = max(x).item();
    const auto height = static_cast<Index>(0.2 * static_cast<double>(x.size(2)));
    const auto width = static_cast<Index>(0.2 * static_cast<double>(x.size(3)));
    for (Index n = 0; n < x.size(0); ++n) {
      auto draw = [&](Index count) { return static_cast<Index>(random[n].below(static_cast<std::uint64_t>(count))); };
      for (Index patches = draw(5); patches > 0; --patches) {
        const Index top = draw(x.size(2) - height + 1), left = draw(x.size(3) - width + 1);
        for (Index row = top; row < top + height; ++row) {
          std::span<float> pixels(&x(n, 0, row, left), static_cast<std::size_t>(width));
          random[n].fill_normal(pixels, average, deviation);
          for (float& pixel : pixels) pixel = std::clamp(pixel, low, high);
        }
      }
    }
    return x;
  }
};

// Both on the same images with the same random numbers.
void compare(std::string_view name, const Tensor<4>& x, const auto& mine, const auto& librarys) {
  RandomStream for_mine{.seed = 1}, for_librarys = for_mine;
  const Tensor<4> a = mine(x, for_mine), b = librarys(x, for_librarys);
  const double changed = static_cast<double>(mean((a != x).to<float>()).item());
  say(left(name, 8), fixed(100 * changed, 0), "% of the pixels changed (within 1)");
  agree("  the library's and ours:", a, b, 1e-3);
}

// --- What transforms on a loader depend on

// An epoch's images, each where it is in the data set.
Tensor<4> by_row(const DataLoader<ImageDataset>& loader, Index epoch) {
  std::vector<Index> order;
  loader.sampler().order(epoch, order);
  auto next = order.begin();
  Tensor<4> all = zeros({loader.size(), 1, 28, 28});
  auto batches = loader.epoch(epoch);
  for (auto& batch : batches) {
    for (Index n = 0; n < batch.x.size(0); ++n) all.row_view(*next++).copy_from(batch.x.row_view(n));
  }
  return all;
}

// The share of images that are the same in both.
double same(const Tensor<4>& a, const Tensor<4>& b) {
  double count = 0;
  for (Index n = 0; n < a.size(0); ++n) count += all_equal(Tensor<3>(a.row_view(n)), Tensor<3>(b.row_view(n)));
  return count / static_cast<double>(a.size(0));
}

void dependence(const ImageDataset& images) {
  heading("On a loader");
  auto loader = [&](Index batch_size, int workers) {
    DataLoader made{images, {.batch_size = batch_size, .shuffle = true, .workers = workers, .seed = 1}};
    return made.transform(RandomCrop{.padding = 1}, RandomHorizontalFlip{});
  };
  const Tensor<4> epoch = by_row(loader(64, 1), 0);
  say("images that are the same in the first epoch of another loader, and in the next epoch");
  auto tell = [&](std::string_view name, const Tensor<4>& other, std::string_view remark = "") {
    say(left(name, 28), right(fixed(100 * same(epoch, other), 1), 6), "%", remark);
  };
  tell("  three workers, not one", by_row(loader(64, 3), 0));
  tell("  batches of 1000, not 64", by_row(loader(1000, 1), 0));
  tell("  the next epoch", by_row(loader(64, 1), 1), "   (within 2)");
  require(same(epoch, by_row(loader(77, 2), 0)) == 1, "batches and workers have no say");
  say("Nine places and two sides make an image the same in one of 18 epochs. Nothing else plays a part: each image "
      "draws");
  say("from a stream of its own, keyed by seed, epoch and its row. So a training that is resumed in the middle of an");
  say("epoch sees the images that it would have seen.");
}

// --- Pictures

// Eight images as they are, and below them as they come in the first three epochs.
template <class... F>
void draw(const std::string& path, std::string_view title, const ImageDataset& images, const F&... transforms) {
  const ImageDataset eight = images.slice(0, 8);
  ImageGrid grid{.title = std::string(title), .columns = 8, .low = -0.8, .high = 2.06};
  grid.add(DataLoader{eight, {.batch_size = 8}}.one_batch().x);
  DataLoader loader{eight, {.batch_size = 8, .seed = 1}};
  loader.transform(transforms...);
  for (Index epoch = 0; epoch < 3; ++epoch) grid.add(loader.one_batch(epoch).x);
  grid.save(path);
}

// --- What it costs

void costs(const ImageDataset& images) {
  heading("What it costs");
  say("a pass over ", with_separators(images.size()), " images in batches of 1024, on one thread");
  auto pass = [&](std::string_view name, const auto&... transforms) {
    DataLoader loader{images, {.batch_size = 1024, .shuffle = true, .workers = 0}};
    loader.transform(transforms...);
    auto run = [&] {
      for (auto batches = loader.epoch(0); batches.next();) {
      }
    };
    say(left(name, 27), time_text(seconds(run)));
  };
  pass("  as they are");
  pass("  crop, flip", RandomCrop{.padding = 1}, RandomHorizontalFlip{});
  pass("  crop, flip, erase", RandomCrop{.padding = 1}, RandomHorizontalFlip{}, RandomErase{});
  pass("  turn by up to 10 degrees", RandomAffine{.degrees = 10});
}

// --- Training

using Data = DataLoaders<DataLoader<ImageDataset>, DataLoader<ImageDataset>>;
using Net = BasicConvNet<float, GeneralRelu>;
using Residual = BasicResNet<float, GeneralRelu>;

constexpr GeneralRelu act{.leak = 0.1, .sub = 0.4};

template <class Model>
Model started(Model model) {
  kaiming_init(model, {.negative_slope = act.leak});
  return model;
}

// PyTorch's OneCycleLR, which the course trains with.
constexpr OneCycle course_cycle{.div = 25, .div_final = 25e4, .pct_start = 0.3};

// Ends a fit early: the schedules do not notice.
struct StopAfter {
  Index epochs = 0;
  void on(AfterEpoch, Fit& fit) const {
    if (fit.epoch() + 1 == epochs) fit.cancel(Scope::fit);
  }
};

std::vector<double> accuracies(const Recorder& recorder) {
  std::vector<double> all;
  for (const EpochRow& row : recorder.epochs) all.push_back(row.metrics[0].value);
  return all;
}

std::vector<double> epoch_numbers(const std::vector<double>& curve) {
  std::vector<double> numbers(curve.size());
  std::iota(numbers.begin(), numbers.end(), 1.0);
  return numbers;
}

void few_images(const ImageDataset& images, const ImageDataset& judges, const Options& options) {
  const ImageDataset few = images.slice(0, options.quick ? 500 : 2000);
  const Index epochs = options.quick ? 6 : 60;
  const std::string_view remark = options.quick ? "   (within 0.25)" : "";
  heading("Few images, learnt by heart");
  say("a small convolutional network, ", with_separators(few.size()), " images, ", epochs, " epochs; judged on ",
      with_separators(judges.size()), " others");
  say("                         train loss  valid loss  accuracy  asked twice");
  LinePlot plot{.title = concat(with_separators(few.size()), " images"), .x_label = "epoch", .y_label = "accuracy"};
  auto train = [&](std::string_view name, const auto&... transforms) {
    manual_seed(1);
    Data data{DataLoader{few, {.batch_size = 64, .shuffle = true, .seed = 1}},
              DataLoader{judges, {.batch_size = 1024}}};
    data.train.transform(transforms...);
    Net model = started(Net{.channels = {16, 32, 64, 128}, .act = act});
    Learner learn{data, model, CrossEntropy{}, AdamW{}, Accuracy{}};
    learn.quiet();
    learn.fit_one_cycle(epochs, 1e-2, course_cycle);
    const EpochRow& last = learn.recorder().epochs.back();
    const double twice = learn.validate(data.valid, Tta{}).metrics[0].value;
    say(left(name, 24), right(fixed(last.train_loss, 3), 11), right(fixed(last.valid_loss, 3), 12),
        right(fixed(last.metrics[0].value, 3), 10), right(fixed(twice, 3), 13), remark);
    const std::vector<double> curve = accuracies(learn.recorder());
    plot.add(std::string(name), epoch_numbers(curve), curve);
    return last;
  };
  const EpochRow plain = train("as they are");
  const EpochRow moved = train("crop, flip", RandomCrop{.padding = 1}, RandomHorizontalFlip{});
  train("crop, flip, erase", RandomCrop{.padding = 1}, RandomHorizontalFlip{}, RandomErase{});
  train("crop, flip, copy", RandomCrop{.padding = 1}, RandomHorizontalFlip{}, RandomCopy{});
  plot.save(options.picture("14_few.svg"));
  require(moved.train_loss > plain.train_loss, "what never comes twice is harder to learn by heart");
  if (!options.quick) {
    require(moved.valid_loss < plain.valid_loss, "and serves better");
    say("As they are, the images are known by heart, and the network is certain of what it gets wrong. Changed, they");
    say("cannot be: the training loss is higher, the validation loss lower.");
  }
}

void course_run(const ImageDataset& images, const ImageDataset& judges, const Options& options) {
  const Index epochs = options.quick ? 4 : 20;
  const Index wanted = options.epochs > 0 ? options.epochs : options.quick ? 1 : options.long_run ? epochs : 5;
  const Index run = (std::min)(wanted, epochs);
  heading("The course's training");
  Data data{DataLoader{options.quick ? images.slice(0, 512) : images,
                       {.batch_size = options.quick ? 64 : 1024, .shuffle = true, .seed = 42}},
            DataLoader{judges, {.batch_size = 1024}}};
  data.train.transform(RandomCrop{.padding = 1}, RandomHorizontalFlip{});
  manual_seed(42);
  std::vector<Index> channels{8, 16, 32, 64, 128, 256};
  if (options.quick) channels = {4, 8};
  if (options.long_run) channels = {16, 32, 64, 128, 256, 512};
  Residual model = started(Residual{.channels = channels, .first_kernel = 5, .act = act});
  Learner learn{data, model, CrossEntropy{}, AdamW{}, Accuracy{}};
  learn.quiet();
  say(options.quick      ? "a small ResNet"
      : options.long_run ? "the wide ResNet"
                         : "the ResNet of chapter 13",
      ", crop and flip, the first ", run, " of ", epochs, " epochs of 1cycle at 0.01");
  if (!options.quick && !options.long_run) say("(The course trains the wide one, which takes four times as long.)");
  // The accuracies that the course's notebook prints for its 20 epochs.
  constexpr std::array courses{0.805, 0.854, 0.863, 0.882, 0.892, 0.898, 0.883, 0.897, 0.877, 0.912,
                               0.910, 0.926, 0.928, 0.923, 0.935, 0.937, 0.939, 0.940, 0.942, 0.943};
  learn.fit_one_cycle(epochs, 1e-2, course_cycle, StopAfter{run});
  say("epoch  train loss  valid loss  accuracy", options.quick ? "" : "  the course's");
  for (const EpochRow& row : learn.recorder().epochs) {
    say(right(concat(row.epoch + 1), 5), right(fixed(row.train_loss, 3), 12), right(fixed(row.valid_loss, 3), 12),
        right(fixed(row.metrics[0].value, 3), 10),
        options.quick ? "" : right(fixed(courses[static_cast<std::size_t>(row.epoch)], 3), 14),
        options.quick ? "   (within 0.6)" : concat("   ", time_text(row.seconds)));
  }
  const double once = learn.validate(data.valid).metrics[0].value;
  const double twice = learn.validate(data.valid, Tta{}).metrics[0].value;
  say("asked once ", fixed(once, 3), ", asked twice, about the image and its mirror image, ", fixed(twice, 3),
      options.quick ? "   (within 0.3)" : "");
  if (options.quick) return;
  if (run < epochs) say("The rate has only risen so far; what its fall brings is still to come.");
  say("The course ends at 0.943 after its 20 epochs, 0.945 asked twice, and at 0.949 after 50 with random erase.");
  if (!options.long_run) say("--long trains the wide network to the end.");
}

void chapter(const Options& options) {
  const ImageLoaders data = fashion_mnist({.valid = 0, .normalise = Normalise{.mean = 0.28, .std = 0.35}});
  const ImageDataset &images = data.train.dataset(), &test = data.test.dataset();
  const ImageDataset judges = options.quick ? test.slice(0, 1000) : test;

  heading("By hand");
  const Tensor<4> x = first_samples(images, 1000).x;
  compare("crop", x, MyCrop{}, RandomCrop{.padding = 1});
  compare("flip", x, MyFlip{}, RandomHorizontalFlip{});
  compare("erase", x, MyErase{}, RandomErase{});

  dependence(images.slice(0, 2000));

  heading("Pictures");
  draw(options.picture("14_crop_flip.svg"), "Crop and flip", images, RandomCrop{.padding = 1}, RandomHorizontalFlip{});
  draw(options.picture("14_erase.svg"), "Random erase", images, RandomErase{});
  draw(options.picture("14_copy.svg"), "Random copy", images, RandomCopy{});
  draw(options.picture("14_affine.svg"), "Turned, scaled and cut out", images,
       RandomAffine{.degrees = 15, .scale = {0.8, 1.2}, .fill = -0.8}, Cutout{.size = 8});
  say("14_crop_flip.svg, 14_erase.svg, 14_copy.svg, 14_affine.svg: eight images, and the same in three epochs. The "
      "border");
  say("that a crop lets in is 0, grey, as in the course: the pixels' mean, not black.");

  costs(options.quick ? images.slice(0, 10'240) : images);
  few_images(images, judges, options);
  course_run(images, judges, options);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
