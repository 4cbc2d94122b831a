// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/report.hpp>

#include <kiln/nn/loss.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/train/activation_stats.hpp>
#include <kiln/train/profiler.hpp>

#include "../viz/folder.hpp"
#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

bool has(std::string_view page, std::string_view part) { return page.find(part) != page.npos; }

/// Every element that is opened is closed, in order; no scripts, no addresses but data, no id, no second style sheet.
void check_page(std::string_view page) {
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  std::vector<std::string> open;
  for (std::size_t at = page.find("<html"); at != page.npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    REQUIRE(end != page.npos);
    const std::string_view tag = page.substr(at + 1, end - at - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" />", 1)));
    if (tag.starts_with('/')) {
      REQUIRE(!open.empty());
      REQUIRE("/" + open.back() == std::string(tag));
      open.pop_back();
    } else if (!tag.ends_with('/') && name != "meta" && name != "img" && name != "br") {
      open.push_back(name);
    }
  }
  CHECK(open.empty());
  for (const char* forbidden : {"http", "<script", "<link", "url(", "@import", " id="}) {
    CAPTURE(forbidden);
    CHECK(!has(page, forbidden));
  }
  CHECK(count(page, "src=") == count(page, "src=\"data:image/png;base64,"));
  CHECK(count(page, "href=") == count(page, "href=\"data:image/png;base64,"));
  CHECK(count(page, "<style") == 1);
  CHECK(has(page, "prefers-color-scheme:dark"));
}

/// Grey images of 2 x 2 whose class, 0 to 2, is a multiple of their brightness.
template <class T = float>
auto image_loader(Index size = 6, Index channels = 1) {
  auto x = detail::uninitialised<T>(Shape<4>(size, channels, 2, 2));
  auto y = detail::uninitialised<int>(Shape<1>(size));
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<T>(i % 7);
  for (Index i = 0; i < size; ++i) y(i) = static_cast<int>(i % 3);
  return DataLoader{TensorDataset{std::move(x), std::move(y)}, LoaderOptions{.batch_size = 4, .workers = 0}};
}

struct HostileMetric {
  std::string name = "<b>\"accuracy\"</b>";
  void reset() {}
  void update(const Tensor<2>&, const Tensor<1, int>&) {}
  double value() const { return 0.5; }
};

}  // namespace

TEST_CASE("a report shows configuration, model, curves, epochs and predictions") {
  const Folder folder;
  toy::Mlp model;
  Learner learn{toy::loaders(), model, CrossEntropy{.label_smoothing = 0.125}, Adam{}, Accuracy{}};
  learn.quiet();
  learn.fit_one_cycle(2, 0.1);
  learn.fit(1, 0.01);
  learn.report(folder / "report.html");
  const std::string page = folder.read("report.html");
  check_page(page);
  for (const char* part :
       {"<h1>Training report</h1>", "20 samples in 3 batches of 8", "10 samples in 2 batches of 8", "Mlp",
        "CrossEntropy: label_smoothing 0.125", "Adam, lr 0.01, beta1", "50 parameters", "hidden", "(8, 8)",
        "3 epochs, 9 optimizer steps", "Learning rate", "Beta1", "of its fit", "Confusion matrix", "precision",
        "no ActivationStats is among", "samples are predicted right", "Left out: the inputs are not images"}) {
    CAPTURE(part);
    CHECK(has(page, part));
  }
  CHECK(count(page, "<svg viewBox") == 5);         // loss, lr, beta1, accuracy, confusion matrix
  CHECK(count(page, "<tr class=\"best\">") == 2);  // the model's total and the best epoch
}

TEST_CASE("a report works before anything was trained, and changes nothing") {
  const Folder folder;
  toy::Mlp model;
  Learner learn{toy::loaders(), model, CrossEntropy{}, SGD{}, Accuracy{}};
  learn.quiet();
  const Tensor<2> before = model.hidden.weight.value;
  const RandomState random = random_state();
  learn.report(folder / "report.html");
  CHECK(random_state() == random);
  CHECK(std::ranges::equal(model.hidden.weight.value, before));
  CHECK(learn.recorder().losses.empty());
  const std::string page = folder.read("report.html");
  check_page(page);
  CHECK(has(page, "nothing has been trained yet"));
  CHECK(has(page, "No epoch has ended yet."));
  CHECK(has(page, "Confusion matrix"));
  learn.fit(1, 0.1);
}

TEST_CASE_TEMPLATE("the images with the highest loss are shown, with truth, prediction and probability", T, float,
                   double) {
  const Folder folder;
  // The model finds class 0 most likely, class 2 least: 2 for every sample of class 2, then those of class 1.
  struct Fixed {
    BasicLinear<T> out{4, 3};
    auto operator()(const Var<4, T>& x) const {
      const Index rows = x.shape()[0];
      return out(reshape(x, {rows, Index{4}}));
    }
  } model;
  model.out.weight.value.fill(0);
  model.out.bias->value = Tensor<1, T>{T(std::log(0.7)), T(std::log(0.2)), T(std::log(0.1))};
  Learner learn{DataLoaders{image_loader<T>(), image_loader<T>()}, model, CrossEntropy{}, SGD{}, Accuracy{}};
  learn.report(folder / "report.html", {.classes = {"cat", "dog & co", "<owl>"}, .images = 3});
  const std::string page = folder.read("report.html");
  check_page(page);
  CHECK(has(page, "2 of 6 samples are predicted right, 33.33 %."));
  CHECK(count(page, "<img ") == 3);
  CHECK(count(page, "<span class=\"wrong\">cat: 70.0 %</span>") == 3);
  CHECK(count(page, "is &lt;owl&gt;: 10.0 %") == 2);
  CHECK(count(page, "is dog &amp; co: 20.0 %") == 1);
  CHECK(page.find("loss 2.3</span><br><span class=\"dim\">no. 2<") <
        page.find("loss 2.3</span><br><span class=\"dim\">no. 5<"));
  CHECK(page.find("loss 2.3</span><br><span class=\"dim\">no. 5<") <
        page.find("loss 1.61</span><br><span class=\"dim\">no. 1<"));
  CHECK(has(page,
            "<td>cat</td><td class=\"number\">2</td><td class=\"number\">33.3 %</td>"
            "<td class=\"number\">100.0 %</td><td class=\"number\">50.0 %</td>"));
  CHECK(has(page,
            "<td>dog &amp; co</td><td class=\"number\">2</td><td class=\"number\">–</td>"
            "<td class=\"number\">0.0 %</td><td class=\"number\">0.0 %</td>"));
  CHECK(!has(page, "<owl>"));

  learn.report(folder / "none.html", {.images = 0});
  CHECK(count(folder.read("none.html"), "<img ") == 0);
  learn.report(folder / "all.html");
  CHECK(count(folder.read("all.html"), "<img ") == 6);

  const auto more = image_loader<T>(9);
  learn.report(folder / "test.html", more, {.title = "Test"});
  CHECK(has(folder.read("test.html"), "3 of 9 samples are predicted right"));
  CHECK(has(folder.read("test.html"), "9 samples in 3 batches of 4"));
  const auto empty = image_loader<T>(0);
  learn.report(folder / "empty.html", empty);
  check_page(folder.read("empty.html"));
  CHECK(has(folder.read("empty.html"), "the loader has no batches"));

  CHECK_THROWS_WITH_AS(learn.report(folder / "bad.html", {.classes = {"cat"}}),
                       "report: there must be none or 3 names of classes: got 1", UsageError);
}

TEST_CASE("hostile titles, class names and metrics stay text") {
  const Folder folder;
  toy::Mlp model;
  Learner learn{toy::loaders(), model, CrossEntropy{}, SGD{}, HostileMetric{}};
  learn.quiet();
  learn.fit(2, 0.1);
  learn.report(folder / "report.html",
               {.title = "</title><script>alert('1')</script>\x01", .classes = {"\" onload=\"x", "<img alt=x>"}});
  const std::string page = folder.read("report.html");
  check_page(page);
  CHECK(has(page, "<title>&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\xef\xbf\xbd</title>"));
  CHECK(has(page, "&quot; onload=&quot;x"));
  CHECK(has(page, "aria-label=\"&lt;b&gt;&quot;accuracy&quot;&lt;/b&gt;\""));
  CHECK(!has(page, "<b>\"accuracy"));
}

TEST_CASE("activations that were recorded are drawn") {
  const Folder folder;
  toy::Mlp model;
  Learner learn{toy::loaders(), model, CrossEntropy{}, SGD{}, ActivationStats{.gradients = true}};
  learn.quiet();
  learn.report(folder / "before.html");
  CHECK(has(folder.read("before.html"), "Nothing has been recorded yet."));
  learn.fit(2, 0.1);
  learn.report(folder / "report.html");
  const std::string page = folder.read("report.html");
  check_page(page);
  CHECK(has(page, "ActivationStats"));
  CHECK(!has(page, "no ActivationStats"));
  CHECK(count(page, "<svg viewBox") ==
        8);  // loss, lr, momentum, activations, two histograms, dead units, confusion matrix
  CHECK(count(page, "data:image/png") > 0);
}

TEST_CASE("what was measured by a profiler is shown") {
  const Folder folder;
  Learner learn{toy::loaders(), toy::Mlp{}, CrossEntropy{}, SGD{}, Profiler{.peak = false, .out = nullptr}};
  learn.quiet();
  learn.report(folder / "before.html");
  CHECK(has(folder.read("before.html"), "Nothing has been measured yet."));
  learn.fit(1, 0.1);
  learn.report(folder / "report.html");
  const std::string page = folder.read("report.html");
  check_page(page);
  CHECK(has(page, "Where the time goes"));
  CHECK(has(page, "<td>\u00a0\u00a0hidden</td><td>Linear</td>"));
  CHECK(has(page, "<td>optimizer</td>"));
  CHECK(has(page, "A batch of validation"));
  CHECK(has(page, "Means of 2 batches, on "));
}

TEST_CASE("what does not apply to a regression is left out, and said") {
  const Folder folder;
  auto make = [] {
    auto x = detail::uninitialised<double>(Shape<2>(6, 2));
    auto y = detail::uninitialised<double>(Shape<2>(6, 1));
    for (Index i = 0; i < x.numel(); ++i) x.data()[i] = 0.1 * static_cast<double>(i);
    for (Index i = 0; i < 6; ++i) y(i, 0) = x(i, 0);
    return DataLoader{TensorDataset{std::move(x), std::move(y)}, LoaderOptions{.batch_size = 4, .workers = 0}};
  };
  BasicLinear<double> model{2, 1};
  Learner learn{DataLoaders{make(), make()}, model, MSE{}, SGD{}};
  learn.quiet();
  learn.fit(2, 0.01);
  learn.report(folder / "report.html");
  const std::string page = folder.read("report.html");
  check_page(page);
  CHECK(has(page, "does not predict scores (N, C) of classes"));
  CHECK(!has(page, "Confusion"));
}

TEST_CASE("a report that cannot be written is an error before anything is computed") {
  const Folder folder;
  toy::Mlp model;
  Learner learn{toy::loaders(), model, CrossEntropy{}, SGD{}};
  CHECK_THROWS_WITH_AS(learn.report(folder / "no/report.html"),
                       doctest::Contains("its folder must exist: there is no folder"), DataError);
  CHECK_THROWS_WITH_AS(learn.report("report.pdf"),
                       "report: report.pdf: the name of a report must end in .html: it does not", UsageError);
  CHECK_THROWS_WITH_AS(learn.report(folder / "report.html", {.images = -1}),
                       "report: the number of images must not be negative: got -1", UsageError);
  struct During {
    decltype(learn)& learner;
    std::string path;
    NoState no_state;
    void on(AfterEpoch, Fit&) { learner.report(path); }
  } during{learn, folder / "report.html", {}};
  learn.quiet();
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, during),
                       "report: a Learner does one thing at a time: the event is after_epoch", UsageError);
}

TEST_CASE("a class study counts, and leaves out what is no class") {
  detail::ClassStudy study(2);
  const Tensor<2> pred{{2, 0, 0}, {0, 3, 0}, {0, 0, 1}, {5, 0, 0}, {0, 0, std::numeric_limits<float>::quiet_NaN()}};
  study.add(pred, Tensor<1, int>{0, 0, -100, 3, 1}, pred);
  CHECK(study.rows == 5);
  CHECK(study.left_out == 2);
  CHECK(study.right == 1);
  const auto worst = study.worst();
  REQUIRE(worst.size() == 2);
  CHECK(worst[0].number == 4);  // NaN is the worst
  CHECK(worst[1].number == 1);
  CHECK(worst[1].loss == doctest::Approx(std::log(2 + std::exp(3.0))));
  CHECK(worst[1].probability == doctest::Approx(std::exp(3.0) / (2 + std::exp(3.0))));
  const auto mixed = study.mix_ups(10);
  REQUIRE(mixed.size() == 2);
  CHECK(mixed[0].truth == 0);
  CHECK(mixed[0].prediction == 1);
  CHECK(std::isnan(study.scores(2).recall));
}

TEST_CASE("more classes than can be read are listed by their mix-ups") {
  for (Index classes : {Index{41}, detail::ClassStudy::most_classes + 1}) {
    detail::ClassStudy study(1);
    Tensor<2> pred = zeros<float>({2, classes});
    pred(0, 1) = pred(1, 1) = 1;
    study.add(pred, Tensor<1, int>{1, 2}, pred);
    detail::ReportPage page("t", "");
    detail::report_classes(page, study, {});
    const std::string html = std::move(page).finish();
    check_page(html);
    CHECK(has(html, "1 of 2 samples are predicted right"));
    CHECK(has(html, "The confusion matrix is left out") == (classes == 41));
    CHECK(has(html, "too many to count") == (classes != 41));
    CHECK(has(html, "<td>2</td><td>1</td><td class=\"number\">1</td>") == (classes == 41));
  }
}

TEST_SUITE_END();
