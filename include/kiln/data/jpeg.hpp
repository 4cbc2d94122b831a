// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `read_image_or_jpeg("x.jpg")`, also for folders: `image_folder("photos", {.read = read_image_or_jpeg})`.
/// The only header that needs libjpeg-turbo: `apt install libjpeg-dev`, and in CMake `find_package(JPEG REQUIRED)` and
/// `target_link_libraries(app PRIVATE kiln::kiln JPEG::JPEG)`. Not part of kiln.hpp.
#pragma once

#if !defined(__has_include) || __has_include(<jpeglib.h>)

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs it before

#include <jpeglib.h>

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/data/image_file.hpp>

namespace kiln {

namespace detail {

/// libjpeg's state. Its errors jump out of it, so no function between `setjmp` and the jump may own anything: each
/// `jpeg_` function below runs one step on plain data and says whether it came to its end.
struct JpegState {
  jpeg_decompress_struct decoder;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

extern "C" {

[[noreturn]] inline void kiln_jpeg_fail(j_common_ptr decoder) {
  auto* state = static_cast<JpegState*>(decoder->client_data);
  decoder->err->format_message(decoder, state->message);
  std::longjmp(state->jump, 1);
}

/// Warnings, whose level is below 0, tell of damage that libjpeg would paint over with grey.
inline void kiln_jpeg_message(j_common_ptr decoder, int level) {
  if (level < 0) kiln_jpeg_fail(decoder);
}

/// A few bytes can make a scan of a progressive file that costs as much time as the whole image.
inline void kiln_jpeg_progress(j_common_ptr decoder) {
  constexpr int most_scans = 100;  // encoders write about 10
  if (reinterpret_cast<j_decompress_ptr>(decoder)->input_scan_number <= most_scans) return;
  auto* state = static_cast<JpegState*>(decoder->client_data);
  std::snprintf(state->message, sizeof state->message, "more than %d scans", most_scans);
  std::longjmp(state->jump, 1);
}

}  // extern "C"

inline bool jpeg_begin(JpegState& state, const unsigned char* bytes, unsigned long count) {
  state.decoder.err = jpeg_std_error(&state.errors);
  state.decoder.client_data = &state;  // libjpeg keeps both when it clears the rest
  state.errors.error_exit = kiln_jpeg_fail;
  state.errors.emit_message = kiln_jpeg_message;
  state.progress.progress_monitor = kiln_jpeg_progress;
  if (setjmp(state.jump) != 0) return false;
  jpeg_create_decompress(&state.decoder);
  state.decoder.progress = &state.progress;
  jpeg_mem_src(&state.decoder, bytes, count);
  jpeg_read_header(&state.decoder, TRUE);
  return true;
}

inline bool jpeg_start(JpegState& state) {
  if (setjmp(state.jump) != 0) return false;
  jpeg_start_decompress(&state.decoder);
  return true;
}

inline bool jpeg_read_row(JpegState& state, unsigned char* row) {
  if (setjmp(state.jump) != 0) return false;
  return jpeg_read_scanlines(&state.decoder, &row, 1) == 1;
}

inline bool jpeg_end(JpegState& state) {
  if (setjmp(state.jump) != 0) return false;
  jpeg_finish_decompress(&state.decoder);
  return true;
}

/// One JPEG file in memory.
class JpegDecoder {
 public:
  JpegDecoder(const ImageBytes& file, const ImageLimits& limits) : file_(file), limits_(limits), state_{} {}
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&state_.decoder); }

  /// Throws: DataError.
  Image decode() {
    require(jpeg_begin(state_, file_.bytes.data(), static_cast<unsigned long>(file_.bytes.size())));
    jpeg_decompress_struct& decoder = state_.decoder;
    const std::uint64_t width = decoder.image_width, height = decoder.image_height;
    file_.check_size(width, height, limits_);
    // Huffman codes take at least one bit for a block of 64 pixels, so a small file cannot ask for much memory.
    if (!decoder.arith_code && width * height / 512 > file_.bytes.size())
      file_.fail("size", concat("must be at most 512 pixels for each of the file's ", file_.bytes.size(), " bytes"),
                 concat("got ", width, " x ", height));
    const bool grey = decoder.jpeg_color_space == JCS_GRAYSCALE;
    if (!grey && decoder.jpeg_color_space != JCS_YCbCr && decoder.jpeg_color_space != JCS_RGB)
      file_.fail("colours", "must be grey, RGB or YCbCr", concat("got ", decoder.num_components, " others"));
    decoder.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    require(jpeg_start(state_));
    const std::size_t channels = grey ? 1 : 3;
    Image image = new_image(channels, height, width);
    std::vector<unsigned char> row(width * channels);
    const std::size_t plane = height * width;
    for (std::size_t y = 0; y < height; ++y) {
      require(jpeg_read_row(state_, row.data()));
      for (std::size_t x = 0; x < width; ++x) {
        for (std::size_t c = 0; c < channels; ++c) image.data()[c * plane + y * width + x] = row[x * channels + c];
      }
    }
    require(jpeg_end(state_));
    return image;
  }

 private:
  void require(bool ended) const {
    if (!ended) file_.fail("JPEG", "must be intact", static_cast<const char*>(state_.message));
  }

  ImageBytes file_;
  ImageLimits limits_;
  JpegState state_;
};

}  // namespace detail

/// Reads JPEG, or whatever `read_image` reads: grey becomes one channel, all else RGB. CMYK is refused, and so is every
/// file that libjpeg warns of, such as one cut off. How the camera was held (EXIF) is not considered.
/// Throws: DataError: `read_image_or_jpeg: file: field: expected: got`.
inline Image read_image_or_jpeg(const std::string& path, const ImageLimits& limits = {}) {
  const std::vector<unsigned char> bytes = detail::read_file("read_image_or_jpeg", path);
  const detail::ImageBytes file{concat("read_image_or_jpeg: ", path), bytes};
  return detail::looks_like_jpeg(bytes) ? detail::JpegDecoder(file, limits).decode()
                                        : detail::decode_image(file, limits);
}

}  // namespace kiln

#else
#error "kiln: data/jpeg.hpp needs libjpeg-turbo: apt install libjpeg-dev, and link JPEG::JPEG"
#endif
