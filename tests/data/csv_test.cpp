// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/csv.hpp>

#include <doctest/doctest.h>

#include <kiln/data/loader.hpp>
#include <kiln/data/npz.hpp>
#include <kiln/data/subset.hpp>
#include <kiln/tensor/reduce.hpp>

#include "files.hpp"
#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

using Names = std::vector<std::string>;
const float infinity = std::numeric_limits<float>::infinity();

struct File : TempFolder {
  std::string path = *this / "x.csv";

  const std::string& operator()(const std::string& content) const {
    write("x.csv", content);
    return path;
  }
};

/// What read_csv says about a file, behind its name.
std::string error(const std::string& content, const CsvOptions& options = {}) {
  const File file;
  try {
    read_csv(file(content), options);
  } catch (const Error& failure) {
    const std::string message = failure.what();
    const std::string place = concat("read_csv: ", file.path, ": ");
    REQUIRE(message.starts_with(place));
    return message.substr(place.size());
  }
  return "read";
}

}  // namespace

TEST_CASE("numbers and names are read") {
  const File file;
  const CsvTable table = read_csv(file("a,b, c\n1,2.5,-3e2\n+4, 0.5\t,inf\n"));
  CHECK(table.columns == Names{"a", "b", "c"});
  CHECK(all_equal(table.values, Tensor<2>{{1, 2.5, -300}, {4, 0.5, infinity}}));
  const CsvTable<double> wide = read_csv<double>(file("x\n0.1\n1e300\n"));
  CHECK(wide.values(0, 0) == 0.1);
  CHECK(wide.values(1, 0) == 1e300);
  CHECK(read_csv(file("x\n0.1\n1e-60\n")).values(1, 0) == 0);
  CHECK(read_csv(file("x,y\n")).values.shape() == Shape<2>{0, 2});
}

TEST_CASE("quotes, separators, line ends and marks") {
  const File file;
  const Tensor<2> wanted{{1, 2}, {3, 4}};
  for (const char* content :
       {"a,b\n1,2\n3,4\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4\r",
        "\xef\xbb\xbf"
        "a,b\n1,2\n3,4\n",
        "\"a\",\"b\"\n\"1\",2\n3,\"4\"\n", "a,b\n\n1,2\n\n3,4\n\n\n", "a,b\n\" 1\",2\n\"3\",\" 4 \"\r\n"}) {
    CAPTURE(content);
    CHECK(all_equal(read_csv(file(content)).values, wanted));
  }
  CHECK(all_equal(read_csv(file("a;b\n1;2\n3;4\n"), {.separator = ';'}).values, wanted));
  CHECK(all_equal(read_csv(file("a\tb\n1\t2\n3\t4\n"), {.separator = '\t'}).values, wanted));
  CHECK(all_equal(read_csv(file("1,2\n3,4\n"), {.header = false}).values, wanted));
  const CsvTable table = read_csv(file("\"a \"\"b\"\"\",\"c\n,d\"\n1,2\n"));
  CHECK(table.columns == Names{"a \"b\"", "c\n,d"});
}

TEST_CASE("columns are chosen by name, by number and from the end") {
  const File file;
  file("id,a,b,kind\n7,1,2,x\n8,3,4,y\n");
  CHECK(all_equal(read_csv(file.path, {.columns = {"b", "a"}}).values, Tensor<2>{{2, 1}, {4, 3}}));
  CHECK(read_csv(file.path, {.columns = {"b", 1}}).columns == Names{"b", "a"});
  CHECK(all_equal(read_csv(file.path, {.skip = {0, -1}}).values, Tensor<2>{{1, 2}, {3, 4}}));
  CHECK(all_equal(read_csv(file.path, {.label = "kind", .skip = {"id"}}).values, Tensor<2>{{1, 2}, {3, 4}}));
  CHECK(all_equal(read_csv(file("7,1\n8,2\n"), {.columns = {1}, .header = false}).values, Tensor<2>{{1}, {2}}));
  CHECK(read_csv(file.path, {.header = false}).columns == Names{"0", "1"});
}

TEST_CASE("what Python's csv module writes, to the last bit") {
  const std::string tables = "tests/data/tables/";  // made by tests/oracles/tables.py
  const NpzFile expected = load_npz(tables + "expected.npz");
  for (const char* name : {"minimal", "all", "semicolon"}) {
    CAPTURE(name);
    const CsvOptions options{.label = "kind", .separator = name == std::string("semicolon") ? ';' : ','};
    const CsvDataset<double> data = csv_dataset<double>(concat(tables, name, ".csv"), options);
    CHECK(all_equal(data.x(), expected.get<2, double>("x")));
    CHECK(all_equal(data.y(), expected.get<1, int>("labels")));
    CHECK(data.columns == Names{"first", "the \"second\"", "third, too", "fourth"});
    CHECK(data.classes == Names{"Z", "a", "plain", "two\nlines", "with \"quotes\"", "with, comma", "Übergröße"});
    CHECK(all_equal(csv_dataset(concat(tables, name, ".csv"), options).x(), expected.get<2>("x")));
  }
}

TEST_CASE("classes are sorted, whole numbers by value") {
  const File file;
  const CsvDataset data = csv_dataset(file("a,kind,b\n1,rose,2\n3,\"lily, white\",4\n5, rose,6\n"), {.label = "kind"});
  CHECK(data.classes == Names{"lily, white", "rose"});
  CHECK(data.columns == Names{"a", "b"});
  CHECK(all_equal(data.y(), Tensor<1, int>{1, 0, 1}));
  CHECK(all_equal(data.x(), Tensor<2>{{1, 2}, {3, 4}, {5, 6}}));
  const CsvDataset digits = csv_dataset(file("10,1\n9,2\n-1,3\n9,4\n"), {.label = 0, .header = false});
  CHECK(digits.classes == Names{"-1", "9", "10"});
  CHECK(all_equal(digits.y(), Tensor<1, int>{2, 1, 0, 1}));

  const CsvDataset test = csv_dataset(file("a,kind,b\n1,rose,2\n"), {.label = "kind", .classes = data.classes});
  CHECK(test.classes == data.classes);
  CHECK(all_equal(test.y(), Tensor<1, int>{1}));
  CHECK_THROWS_WITH_AS(
      csv_dataset(file("a,kind,b\n1,rose,2\n2,tulip,3\n"), {.label = "kind", .classes = data.classes}),
      concat("csv_dataset: ", file.path, ": line 3: column 'kind': must be one of the classes given: got 'tulip'")
          .c_str(),
      DataError);
}

TEST_CASE("a loader and a split take it, and regression has numbers as targets") {
  const File file;
  const CsvDataset data = csv_dataset(file("a,kind\n1,x\n2,y\n3,x\n"), {.label = -1});
  DataLoader loader{data, {.batch_size = 2}};
  CHECK(all_equal(loader.one_batch().x, Tensor<2>{{1}, {2}}));
  CHECK(all_equal(loader.one_batch().y, Tensor<1, int>{0, 1}));
  const auto parts = random_split(data, {2, 1});
  CHECK(parts[1].size() == 1);
  const CsvRegressionDataset<double> prices =
      csv_regression_dataset<double>(file("size,price\n1,0.1\n2,0.3\n"), {.label = "price"});
  CHECK(all_equal(prices.y(), Tensor<2, double>{{0.1}, {0.3}}));
  CHECK(all_equal(prices.x(), Tensor<2, double>{{1}, {2}}));
  CHECK(prices.columns == Names{"size"});
}

TEST_CASE("missing numbers") {
  const File file;
  file("a,b,c\n1,,x\n2,NA,y\n3,6,\n,8,x\n");
  CHECK_THROWS_WITH_AS(read_csv(file.path, {.skip = {"c"}}),
                       concat("read_csv: ", file.path,
                              ": line 2: column 'b': must be a number, unless .missing says "
                              "what to do without one: got ''")
                           .c_str(),
                       DataError);
  const auto nan = read_csv(file.path, {.skip = {"c"}, .missing = CsvMissing::nan}).values;
  CHECK(std::isnan(nan(0, 1)));
  CHECK(std::isnan(nan(3, 0)));
  CHECK(nan(2, 1) == 6);
  CHECK(all_equal(read_csv(file.path, {.skip = {"c"}, .missing = CsvMissing::mean}).values,
                  Tensor<2>{{1, 7}, {2, 7}, {3, 6}, {2, 8}}));
  CHECK(all_equal(read_csv(file.path, {.skip = {"c"}, .missing = CsvMissing::drop}).values, Tensor<2>{{3, 6}}));
  const CsvDataset data = csv_dataset(file.path, {.label = "c", .skip = {"b"}, .missing = CsvMissing::drop});
  CHECK(all_equal(data.x(), Tensor<2>{{1}, {2}}));
  CHECK(data.classes == Names{"x", "y"});
  CHECK_THROWS_WITH_AS(csv_dataset(file.path, {.label = "c", .missing = CsvMissing::nan}),
                       doctest::Contains("line 4: column 'c': must have a label: got ''"), DataError);
  CHECK(error("a,b\n1,\n2,\n", {.missing = CsvMissing::mean}) ==
        "column 'b': must have a number to take the mean of: it has none");
  CHECK(error("a\n?\n", {.missing = CsvMissing::nan}) == "line 2: column 'a': must be a number: got '?'");
  CHECK(error("a\n?\n", {.missing = CsvMissing::nan, .missing_text = {"?"}}) == "read");
}

TEST_CASE("errors name line and column, what was expected and what came") {
  CHECK(error("") == "must have at least one row: it is empty");
  CHECK(error("a,b\n1,2\n3,x\n") == "line 3: column 'b': must be a number: got 'x'");
  CHECK(error("1,2\n3,4x\n", {.header = false}) == "line 2: column 1: must be a number: got '4x'");
  for (const char* text : {"1 2", "0x10", "--1", "+-1", "++1", "1e", "NAN", "-nan", "1,5"})
    CHECK(error(concat("a\n\"", text, "\"\n")) == concat("line 2: column 'a': must be a number: got '", text, "'"));
  CHECK(error("a\n1e39\n") == "line 2: column 'a': must be in the range of a float: got '1e39'");
  CHECK(error("a\n1e999\n") == "line 2: column 'a': must be in the range of a float: got '1e999'");
  CHECK(error("a,b\n1,2\n\n3\n") == "line 4: must have 2 fields, as the first row: got 1");
  CHECK(error("a,b\n1,2,3\n") == "line 2: must have 2 fields, as the first row: got 3");
  CHECK(error("\"a\nb\",c\n1,2\r\n\"x\",2\n") == "line 4: column 'a b': must be a number: got 'x'");
  CHECK(error("a\n\"1\n2\n") == "line 2: a field in quotes must end with a quote: the file ends before");
  CHECK(error("a\n1\"2\"\n") == "line 2: a quote must be inside a field in quotes, and there twice: got '1\"'");
  CHECK(error("a\n\"1\"2,3\n") == "line 2: a separator must follow the closing quote: got '2,3 '");
  CHECK(error("1,2\n3,4\n") ==
        "line 1: must have the columns' names, unless .header = false: got numbers, '1' and so on");
  CHECK(error("\xff\xfe"
              "a") == "line 1: must be UTF-8 text: it is UTF-16");
  CHECK(error(concat("a\n", std::string(100, 'x'), "\n")) ==
        concat("line 2: column 'a': must be a number: got '", std::string(40, 'x'), "...'"));
}

TEST_CASE("columns that are not there, and options that make no sense") {
  const std::string table = "a,b,a\n1,2,3\n";
  CHECK(error(table, {.columns = {"c"}}) == "there must be a column 'c': it has a, b, a");
  CHECK(error(table, {.columns = {"a"}}) == "there must be one column 'a': it has several");
  CHECK(error(table, {.columns = {3}}) == "columns must lie in [-3, 3): got 3");
  CHECK(error(table, {.skip = {-4}}) == "columns must lie in [-3, 3): got -4");
  CHECK(error(table, {.columns = {"b"}, .header = false}) == "without a header columns have numbers: got 'b'");
  CHECK(error(table, {.skip = {0, 1, 2}}) == "there must be at least one column of inputs: there is none");
  CHECK(error(table, {.label = "b", .columns = {0, 1}}) ==
        "the label must not be among the inputs: got column 'b' as both");
  CHECK(error(table, {.separator = '"'}) == "the separator must be neither a quote nor a line end: it is");
  const File file;
  CHECK_THROWS_WITH_AS(
      csv_dataset(file("a\n1\n"), {}),
      concat("csv_dataset: ", file.path, ": the column to be predicted must be given as .label: there is none").c_str(),
      UsageError);
  CHECK_THROWS_WITH_AS(read_csv("no/such"), "read_csv: no/such: must be possible to open: No such file or directory",
                       DataError);
}

TEST_CASE("damaged CSV files are read or refused") {
  const std::string good =
      "\xef\xbb\xbfname,\"a \"\"b\"\"\",c,kind\r\nx,1,2.5,\"rose\"\r\ny,-3e1,0.25,\"li\r\nly\"\r\n,4,,x\r\n";
  const int read = fuzz("x.csv", good, 6000, good.size(), [](const std::string& path) {
    csv_dataset(path, {.label = -1, .skip = {0}, .missing = CsvMissing::mean});
  });
  CHECK(read > 500);
  CHECK(read < 4000);
}

TEST_SUITE_END();
