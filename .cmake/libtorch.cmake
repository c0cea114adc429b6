# LibTorch as an imported target. find_package(Torch) of a CUDA wheel insists on nvcc and links 470 MB;
# linking libtorch_cpu and libc10 alone starts in 0.4 s, and libtorch_cuda is loaded at run time when a driver is there.
if(NOT DERMIS_LIBTORCH)
  foreach(cache "$ENV{XDG_CACHE_HOME}" "$ENV{HOME}/.cache")
    if(cache AND NOT DERMIS_LIBTORCH)
      file(GLOB found "${cache}/dermis/libtorch-2.11.0/lib/python3*/site-packages/torch")
      if(found)
        list(GET found 0 DERMIS_LIBTORCH)
      endif()
    endif()
  endforeach()
endif()
if(NOT EXISTS "${DERMIS_LIBTORCH}/include/ATen/core/Tensor.h")
  message(FATAL_ERROR "LibTorch not found at '${DERMIS_LIBTORCH}'. Run 'make setup', or pass "
                      "-DDERMIS_LIBTORCH=<site-packages>/torch of a torch 2.11.0 wheel.")
endif()
# Another version has other headers and other last bits: the promises about equal results were tested with this one alone.
set(found_torch "")
foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(found_torch STREQUAL "" AND EXISTS "${DERMIS_LIBTORCH}/include/${header}")
    file(STRINGS "${DERMIS_LIBTORCH}/include/${header}" numbers REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    string(REGEX MATCHALL "[0-9]+" numbers "${numbers}")
    list(JOIN numbers "." found_torch)
  endif()
endforeach()
if(NOT found_torch STREQUAL "2.11.0")
  message(FATAL_ERROR "LibTorch at '${DERMIS_LIBTORCH}' has version '${found_torch}'; Dermis needs that of a torch 2.11.0 wheel. "
                      "Run 'make setup', or pass -DDERMIS_LIBTORCH=<site-packages>/torch of one.")
endif()
message(STATUS "LibTorch: ${DERMIS_LIBTORCH}")

add_library(libtorch INTERFACE)
target_include_directories(libtorch SYSTEM INTERFACE ${DERMIS_LIBTORCH}/include
                           ${DERMIS_LIBTORCH}/include/torch/csrc/api/include)
# at::parallel_for is an OpenMP pragma in a header: without -fopenmp it would silently run on one thread.
target_compile_options(libtorch INTERFACE -fopenmp)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # clang's code calls libomp. Linked before LibTorch's libgomp it serves LibTorch's calls too: one set of threads, not two.
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-resource-dir OUTPUT_VARIABLE clang_files
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
  find_library(LIBOMP omp HINTS ${clang_files}/../..)
  if(NOT LIBOMP)
    message(FATAL_ERROR "clang's OpenMP runtime is missing: install libomp-dev (Debian: libomp-dev, of clang's version), "
                        "or build with g++.")
  endif()
  target_link_libraries(libtorch INTERFACE ${LIBOMP})
endif()
target_link_libraries(libtorch INTERFACE ${DERMIS_LIBTORCH}/lib/libtorch_cpu.so ${DERMIS_LIBTORCH}/lib/libc10.so
                      ${DERMIS_LIBTORCH}/lib/libgomp.so.1)
