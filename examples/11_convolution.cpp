// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 11: convolution, from a kernel slid over a digit by hand to a network of convolutions.
//
// You learn  what a kernel of 3 by 3 numbers sees in an image; how convolution becomes one matrix product, and why the
//            fastest way is yet another; what stride and padding do to sizes; how much of the image a number deep in
//            the network depends on.
// Look at    11_edges.svg, where four kernels find four kinds of edges; the ladder of convolution; a network that reads
//            digits better than that of chapter 05 with an eighth of its parameters; and, in 11_learned.svg, the
//            kernels that two networks have come up with by themselves.
// Follows    fast.ai, From Deep Learning Foundations to Stable Diffusion, lesson 15, notebook 07_convolutions:
//            https://course.fast.ai/Lessons/lesson15.html

#include <kiln/autograd/resample.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/kernels/conv_ladder.hpp>
#include <kiln/kernels/conv_select.hpp>
#include <kiln/linalg/matmul.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/tensor/print.hpp>
#include <kiln/tensor/random.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/summary.hpp>
#include <kiln/viz/figure.hpp>
#include <kiln/viz/image_grid.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// --- One kernel, one image

// Bright below and dark above, bright to the right of dark, and along the two diagonals.
const Tensor<2> top_edge{{-1, -1, -1}, {0, 0, 0}, {1, 1, 1}};
const Tensor<2> left_edge{{-1, 0, 1}, {-1, 0, 1}, {-1, 0, 1}};
const Tensor<2> rising{{0, -1, 1}, {-1, 1, 0}, {1, 0, 0}};
const Tensor<2> falling{{1, -1, 0}, {0, 1, -1}, {0, 0, 1}};

// The kernel laid over the image around one pixel: a sum of nine products.
float apply_kernel(const Tensor<2>& image, const Tensor<2>& kernel, Index row, Index column) {
  float sum = 0;
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 3; ++j) sum += image(row - 1 + i, column - 1 + j) * kernel(i, j);
  }
  return sum;
}

// And around every pixel that has neighbours on all sides: (H, W) to (H - 2, W - 2).
Tensor<2> by_loops(const Tensor<2>& image, const Tensor<2>& kernel) {
  Tensor<2> result = zeros({image.size(0) - 2, image.size(1) - 2});
  for (Index i = 0; i < result.size(0); ++i) {
    for (Index j = 0; j < result.size(1); ++j) result(i, j) = apply_kernel(image, kernel, i + 1, j + 1);
  }
  return result;
}

// Every window of 3 by 3 pixels as a column of nine: (H, W) to (9, (H - 2) (W - 2)).
Tensor<2> unfold(const Tensor<2>& image) {
  const Index height = image.size(0) - 2, width = image.size(1) - 2;
  Tensor<2> columns = zeros({9, height * width});
  for (Index p = 0; p < 9; ++p) {
    for (Index i = 0; i < height; ++i) {
      for (Index j = 0; j < width; ++j) columns(p, i * width + j) = image(i + p / 3, j + p % 3);
    }
  }
  return columns;
}

// Several kernels at once are a matrix with a row for each, and convolution is one product.
Tensor<3> by_matmul(const Tensor<2>& image, const Tensor<3>& kernels) {
  const Index count = kernels.size(0);
  return matmul(kernels.reshape({count, 9}), unfold(image)).reshape({count, image.size(0) - 2, image.size(1) - 2});
}

// --- A network

// A convolution that halves height and width.
Conv2d halving(Index in, Index out, Index kernel = 3) {
  return {.in = in, .out = out, .kernel = kernel, .stride = 2, .padding = kernel / 2};
}

struct Net {
  Conv2d conv1 = halving(1, 4);    // 28 x 28 to 14 x 14
  Conv2d conv2 = halving(4, 8);    // 7 x 7
  Conv2d conv3 = halving(8, 16);   // 4 x 4
  Conv2d conv4 = halving(16, 16);  // 2 x 2
  Conv2d out = halving(16, 10);    // 1 x 1: a number for each digit

  Var<2> operator()(Var<4> x) const {
    x = relu(conv1(x));
    x = relu(conv2(x));
    x = relu(conv3(x));
    x = relu(conv4(x));
    return flatten(out(x));
  }
};

// -----------------------------------------------------------------------------------------------------------------------

std::string speed_text(double flops, double time) { return concat(brief(flops / time * 1e-9), " GFLOP/s"); }

Tensor<2> plane(const Tensor<4>& x, Index sample, Index channel) {
  return Tensor<2>(x.row_view(sample).row_view(channel));
}

// Small images with pixels large enough to be seen; -1 is dark, 1 is light.
ImageGrid kernel_grid(std::string title, const Tensor<3>& kernels, Index columns, std::vector<std::string> names = {}) {
  ImageGrid grid{.title = std::move(title), .columns = columns, .image_size = 96, .low = -1.4, .high = 1.4};
  const Shape<4> shape{1, kernels.size(0), kernels.size(1), kernels.size(2)};
  const Tensor<4> large = upsample(Var<4>(kernels.reshape(shape)), {.scale = 32}).value();
  grid.add(large.reshape({kernels.size(0), large.size(2), large.size(3)}), std::move(names));
  return grid;
}

void edges(const Tensor<2>& digit, const Options& options) {
  heading("A kernel on a digit");
  say("The top edge of the 3, pixels around row 4 and column 15, 0 black and 1 white:");
  Tensor<2> window = zeros({3, 3});
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 3; ++j) window(i, j) = std::round(100 * digit(3 + i, 14 + j)) / 100;
  }
  say(to_string(window));
  say("times a kernel of -1 above, 0, and 1 below, added up: ", fixed(apply_kernel(digit, top_edge, 4, 15), 2));
  say("At its lower edge, around row 8: ", fixed(apply_kernel(digit, top_edge, 8, 15), 2));
  say("In the black corner: ", fixed(apply_kernel(digit, top_edge, 1, 1), 2));

  const std::vector<std::string> names{"bright below", "bright to the right", "rising", "falling"};
  const std::array all{top_edge, left_edge, rising, falling};
  const Tensor<3> kernels = stack(std::span<const Tensor<2>>(all));
  std::vector<Tensor<2>> found;
  for (const Tensor<2>& kernel : all) found.push_back(by_loops(digit, kernel));
  const Tensor<3> responses = stack(std::span<const Tensor<2>>(found));

  ImageGrid row{.title = "The digit, and where they find what they look for", .columns = 5, .image_size = 96};
  row.add(digit, "a 3").add(responses, names);
  Figure{.columns = 1}
      .add(kernel_grid("Four kernels: -1 is dark, 1 is light", kernels, 5, names))
      .add(row)
      .save(options.picture("11_edges.svg"));

  heading("Convolution as a matrix product");
  const Tensor<2> columns = unfold(digit);
  say("Each of the ", columns.size(1), " windows of ", digit.shape(), " becomes a column: ", columns.shape());
  say("four kernels, a row each, times that: ", matmul(kernels.reshape({4, 9}), columns).shape());
  agree("as a product, and by loops", by_matmul(digit, kernels), responses, 1e-5);
  const Tensor<4> images = digit.reshape({1, 1, 28, 28}), weight = kernels.reshape({4, 1, 3, 3});
  agree("the library's conv2d, and by loops", conv2d(images, weight).value(), responses.reshape({1, 4, 26, 26}), 1e-5);

  const double patience = options.quick ? 0.005 : 0.5;
  const double loops = seconds(
      [&] {
        for (const Tensor<2>& kernel : all) by_loops(digit, kernel);
      },
      patience);
  auto tell = [&](std::string_view way, double time) {
    say(left(way, 24), right(time_text(time), 10), right(concat(brief(loops / time), "x"), 9));
  };
  tell("loops", loops);
  tell("unfold and a product", seconds([&] { by_matmul(digit, kernels); }, patience));
  tell("the library's conv2d", seconds([&] { conv2d(images, weight); }, patience));
}

void ladder(const Options& options) {
  heading("The ladder");
  const ConvSizes sizes{.samples = options.quick ? 4 : 64,
                        .in = 16,
                        .out = 32,
                        .image = {14, 14},
                        .kernel = 3,
                        .stride = 1,
                        .padding = 1};
  const Tensor<4> x = randn({sizes.samples, sizes.in, 14, 14}), w = randn({sizes.out, sizes.in, 3, 3}) / 12;
  const double patience = options.quick ? 0.005 : 0.5;
  say("x ", x.shape(), " by ", w.shape(), ": ", fixed(sizes.flops() * 1e-6, 1), " million operations for each pass");
  say(left("rung", 10), right("forward", 10), right("gradient of x", 15), right("of w", 10), right("forward", 16));

  // y, and what comes back for x and w if every number of y gets its own value as gradient.
  struct Passes {
    Tensor<4> y, dx, dw;
  };
  auto run = [&](const ConvKernel& kernel) {
    Passes p{zeros({sizes.samples, sizes.out, 14, 14}), zeros(x.shape()), zeros(w.shape())};
    kernel.f32.forward(sizes, x.data(), w.data(), nullptr, p.y.data(), false, false);
    kernel.f32.input_gradient(sizes, p.y.data(), w.data(), p.dx.data(), false, nullptr);
    kernel.f32.weight_gradient(sizes, x.data(), p.y.data(), p.dw.data(), false, nullptr, nullptr);
    return p;
  };
  const Passes first = run(conv_kernels().front());
  for (const ConvKernel& kernel : conv_kernels()) {
    Passes p = run(kernel);
    require(largest_difference(p.y, first.y) < 1e-4, concat(kernel.name, " computes what the loops compute"));
    require(largest_difference(p.dx, first.dx) < 1e-3, concat(kernel.name, "'s gradient of x is that of the loops"));
    require(largest_difference(p.dw, first.dw) < 0.1, concat(kernel.name, "'s gradient of w is that of the loops"));
    const double forward =
        seconds([&] { kernel.f32.forward(sizes, x.data(), w.data(), nullptr, p.y.data(), false, false); }, patience);
    const double to_x =
        seconds([&] { kernel.f32.input_gradient(sizes, p.y.data(), w.data(), p.dx.data(), false, nullptr); }, patience);
    const double to_w =
        seconds([&] { kernel.f32.weight_gradient(sizes, x.data(), p.y.data(), p.dw.data(), false, nullptr, nullptr); },
                patience);
    say(left(kernel.name, 10), right(time_text(forward), 10), right(time_text(to_x), 15), right(time_text(to_w), 10),
        right(speed_text(sizes.flops(), forward), 16));
  }
  say(current_conv().name, " is what convolutions use unless use_conv says otherwise.");
  {
    auto scope = use_conv(conv_kernel("im2col"));
    say(current_conv().name, " is what they use in this scope, also those that a model makes in training.");
  }
}

void sizes() {
  heading("Strides and padding");
  say("A kernel fits an axis of n, with p zeros on either side, at (n + 2 p - k) / s + 1 places that lie s apart.");
  auto tell = [](Size2 image, Conv2dOptions options, Size2 kernel, std::string_view remark) {
    const auto y =
        conv2d(zeros({1, 1, image.height, image.width}), zeros({1, 1, kernel.height, kernel.width}), options);
    say(left(concat(image), 8), " kernel ", kernel, "  padding ", options.padding.height, "  stride ",
        options.stride.height, "  to ", left(concat(Size2{y.size(2), y.size(3)}), 8), "  ", remark);
  };
  tell(28, {}, 3, "a pixel is lost on each side");
  tell(28, {.padding = 1}, 3, "half of an odd kernel as padding keeps the size");
  tell(5, {.padding = 2}, 4, "half of an even one does not");
  tell(28, {.stride = 2, .padding = 1}, 3, "stride 2 halves it");
  tell(7, {.stride = 2, .padding = 1}, 3, "and rounds up");
}

// How many pixels, across, have any influence on the middle of what `layers` of the network's convolutions make. The
// weights are all 1, so that nothing cancels out.
Index field_by_gradient(int layers, Index size) {
  const Tensor<4> ones_by_ones = ones({1, 1, 3, 3});
  Tape tape;
  const auto image = tape.variable(zeros({1, 1, size, size}));
  Var<4> x = image;
  for (int layer = 0; layer < layers; ++layer) x = conv2d(x, ones_by_ones, {.stride = 2, .padding = 1});
  const Index middle = x.size(2) / 2;
  tape.differentiate(reshape(slice(slice(x, 2, middle, middle + 1), 3, middle, middle + 1), Shape<0>{}));
  const Tensor<1> columns = sum(plane(tape.grad(image), 0, 0), 0);
  Index across = 0;
  for (float influence : columns) across += influence > 0;
  return across;
}

void network() {
  heading("A network of convolutions");
  std::fputs(summary(Net{}, zeros({256, 1, 28, 28}), {.timed_runs = 0}).text().c_str(), stdout);
  say("784-50-10 of chapter 05 has ", with_separators(784 * 50 + 50 + 50 * 10 + 10), " parameters.");

  heading("How far a number sees");
  say("layer   by the rule   by the gradient, in a large image");
  Index field = 1, step = 1;
  for (int layer = 1; layer <= 5; ++layer) {
    field += 2 * step;  // the two further elements of the kernel are a step away on either side
    step *= 2;          // stride 2
    const Index found = field_by_gradient(layer, 128);
    say(left(concat("conv", layer), 5), right(concat(field), 14), right(concat(found), 18));
    require(found == field, "the rule is right");
  }
  say("From the fourth layer on that is more than the 28 pixels of a digit.");
}

// The kernels of a first layer, each scaled so that its largest weight is 1 or -1.
Tensor<3> first_kernels(const Conv2d& conv) {
  const Tensor<3> w = conv.weight.value.reshape({conv.out, conv.kernel.height, conv.kernel.width});
  return w / max(abs(w), {1, 2}, keep_axes);
}

void show_learned(const Conv2d& first, const Conv2d& wide, const Tensor<2>& digit, const Options& options) {
  const Tensor<4> seen = relu(wide(digit.reshape({1, 1, 28, 28}))).value();
  ImageGrid in_digit{.title = "What these see in the 3", .columns = 8, .image_size = 96};
  for (Index k = 0; k < wide.out; ++k) in_digit.add(plane(seen, 0, k));
  Figure{.columns = 1}
      .add(kernel_grid("Learned: the four kernels of the first network", first_kernels(first), 8))
      .add(kernel_grid("and the sixteen of the wider one", first_kernels(wide), 8))
      .add(in_digit)
      .save(options.picture("11_learned.svg"));
}

void tell_epochs(const std::vector<EpochRow>& rows, const Options& options) {
  say("epoch   train loss   valid loss   accuracy      time");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const EpochRow& row = rows[i];
    say(right(concat(i + 1), 5), right(fixed(row.train_loss, 3), 13), right(fixed(row.valid_loss, 3), 13),
        right(fixed(row.metrics[0].value, 4), 11), right(time_text(row.seconds), 10),
        options.quick ? "   (within 0.3)" : "");
  }
}

void training(const ImageLoaders& data, const Tensor<2>& digit, const Options& options) {
  heading("Training");
  const ImageDataset& images = data.train.dataset();
  const Index epochs = options.quick ? 2 : 5, batch = options.quick ? 64 : 256;
  DataLoaders part{DataLoader{images.slice(0, options.quick ? 10'240 : images.size()),
                              {.batch_size = batch, .shuffle = true, .seed = 1}},
                   DataLoader{data.valid.dataset(), {.batch_size = 1000}}};
  say("Batches of ", batch, "; trained on the first ", with_separators(part.train.size()),
      " images, judged on the last ", with_separators(part.valid.size()));

  say("\nSGD, ", epochs, " epochs at lr 0.4, then ", epochs, " at 0.1, as in the course:");
  std::vector<Net> nets;
  std::vector<double> reached;
  for (std::uint64_t start = 1; start <= (options.quick ? 1 : 5); ++start) {
    manual_seed(start);
    Net& net = nets.emplace_back();
    Learner learn{part, net, CrossEntropy{}, SGD{}, Accuracy{}};
    learn.quiet();
    learn.fit(epochs, 0.4);
    learn.fit(epochs, 0.1);
    if (start == 1) tell_epochs(learn.recorder().epochs, options);
    reached.push_back(learn.recorder().epochs.back().metrics[0].value);
  }
  if (!options.quick) {
    std::string all;
    for (double accuracy : reached) all += concat(" ", fixed(accuracy, 4));
    say("In the end, over five starts:", all);
  }
  require(reached.front() > (options.quick ? 0.8 : 0.97), "the network reads digits");

  manual_seed(1);
  Sequential wide{halving(1, 16, 5), ReLU{}, halving(16, 32), ReLU{},   halving(32, 64), ReLU{},
                  halving(64, 64),   ReLU{}, halving(64, 10), Flatten{}};
  say("\nFour times the channels, ", with_separators(parameter_count(wide)), " parameters; Adam, 1cycle to lr 0.01:");
  Learner learn{part, wide, CrossEntropy{}, Adam{}, Accuracy{}};
  learn.quiet();
  learn.fit_one_cycle(options.quick ? 1 : 5, 0.01);
  tell_epochs(learn.recorder().epochs, options);
  show_learned(nets.front().conv1, std::get<0>(wide.layers), digit, options);
}

void chapter(const Options& options) {
  manual_seed(1);
  const auto data = mnist({.normalise = Normalise{}});  // pixels as they are
  const Tensor<2> digit = plane(first_samples(data.train.dataset(), 8).x, 7, 0);
  edges(digit, options);
  ladder(options);
  sizes();
  network();
  training(data, digit, options);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
