find_package(Threads REQUIRED)
find_package(OpenCV REQUIRED COMPONENTS core imgproc)
find_package(JPEG REQUIRED)  # libjpeg-turbo: pictures must decode as Pillow decodes them
find_package(PNG REQUIRED)
find_package(TIFF REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)  # nvcc packs PTX with it: tests/ptx
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET sentencepiece)
find_library(SENTENCEPIECE_TRAIN sentencepiece_train REQUIRED)

# fmt header-only: the torch wheel brings headers of another fmt release, which shadow the system library in tensor code.
add_library(dermis_basics INTERFACE)
target_link_libraries(dermis_basics INTERFACE Threads::Threads Eigen3::Eigen nlohmann_json::nlohmann_json CLI11::CLI11
                      fmt::fmt-header-only PkgConfig::XXHASH OpenSSL::Crypto ${CMAKE_DL_LIBS})
add_library(dermis_images INTERFACE)
target_link_libraries(dermis_images INTERFACE opencv_core opencv_imgproc JPEG::JPEG PNG::PNG TIFF::TIFF PkgConfig::WEBP)
target_include_directories(dermis_images SYSTEM INTERFACE ${OpenCV_INCLUDE_DIRS})
add_library(dermis_text INTERFACE)
target_link_libraries(dermis_text INTERFACE PkgConfig::SENTENCEPIECE ${SENTENCEPIECE_TRAIN})
