// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// The course's best networks for Fashion-MNIST: a wide ResNet with crop and flip, trained for 20 epochs, or with random
// erase on top, for 50. It trains on all 60,000 images and is judged, after every epoch, on the 10,000 test images, as
// in the course; nothing is chosen by these figures. A run takes an hour or more.
//
//   fashion_resnet [--erase] [EPOCHS]
//
// What remains: fashion_resnet.csv, a row for every epoch; fashion_resnet.html, the report; the weights.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <kiln/kiln.hpp>
#include <kiln/models/resnet.hpp>
#include <kiln/train/csv_logger.hpp>
#include <kiln/train/report.hpp>
#include <kiln/train/tta.hpp>

using namespace kiln;

int main(int argc, char** argv) try {
  const bool erase = argc > 1 && std::strcmp(argv[1], "--erase") == 0;
  const Index epochs = argc > (erase ? 2 : 1) ? std::atoi(argv[erase ? 2 : 1]) : erase ? 50 : 20;
  const double lr = erase ? 2e-2 : 1e-2;

  manual_seed(42);
  const ImageLoaders images = fashion_mnist({.valid = 0, .normalise = Normalise{.mean = 0.28, .std = 0.35}});
  DataLoaders data{DataLoader{images.train.dataset(), {.batch_size = 1024, .shuffle = true, .seed = 42}},
                   DataLoader{images.test.dataset(), {.batch_size = 1024}}};
  data.train.transform(RandomCrop{.padding = 1}, RandomHorizontalFlip{});
  if (erase) data.train.transform(RandomErase{});

  constexpr GeneralRelu act{.leak = 0.1, .sub = 0.4};
  BasicResNet<float, GeneralRelu> model{.channels = {16, 32, 64, 128, 256, 512}, .first_kernel = 5, .act = act};
  kaiming_init(model, {.negative_slope = act.leak});

  Learner learn{data, model, CrossEntropy{}, AdamW{}, Accuracy{}};
  const OneCycle cycle{.div = 25, .div_final = 25e4, .pct_start = 0.3};  // PyTorch's OneCycleLR
  learn.fit_one_cycle(epochs, lr, cycle, CsvLogger{.path = "fashion_resnet.csv"});
  save(model, "fashion_resnet.safetensors");

  const double once = learn.validate(data.valid).metrics[0].value;
  const double twice = learn.validate(data.valid, Tta{}).metrics[0].value;
  std::printf("\ntest images: accuracy %.4f; asked twice, about each and its mirror image, %.4f\n", once, twice);
  learn.report("fashion_resnet.html",
               {.title = erase ? "Fashion-MNIST: ResNet, crop, flip and erase" : "Fashion-MNIST: ResNet, crop and flip",
                .classes = {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
                            "ankle boot"}});
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
