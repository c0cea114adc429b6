# The CUDA part is a shared library of its own, free of LibTorch, that the program opens at run time when a driver is
# present (kernels/cuda/cuda_module.h). nvcc is called directly: CMake 3.25 does not know C++20 for nvcc 13.
find_program(NVCC nvcc HINTS /usr/local/cuda/bin)
if(NOT DERMIS_CUDA)
  message(STATUS "CUDA: CPU only (DERMIS_CUDA is OFF)")
  return()
endif()
if(NOT NVCC)
  message(STATUS "CUDA: CPU only (no nvcc in PATH or /usr/local/cuda/bin)")
  return()
endif()
execute_process(COMMAND ${NVCC} --version OUTPUT_VARIABLE nvcc_text)
string(REGEX MATCH "V([0-9.]+)" nvcc_version "${nvcc_text}")
set(DERMIS_NVCC "nvcc ${CMAKE_MATCH_1}")
message(STATUS "CUDA: module for sm_80 and sm_90a with ${NVCC} (${DERMIS_NVCC})")

# Machine code for GPUs of compute capability 8.x and 9.0; later ones compile the PTX when the module is loaded. It is
# what sm_80's machine code is made from, so it costs size alone.
set(DERMIS_NVCC_FLAGS
    -std=c++20 -O3 -gencode arch=compute_80,code=[sm_80,compute_80] -gencode arch=compute_90a,code=sm_90a
    -Werror all-warnings -Xcompiler -fPIC -Xcompiler -Wall -I ${CMAKE_SOURCE_DIR})
set(nvcc_launcher "")
if(CCACHE)
  # Depend mode: a cached object is found by what the compiler itself says it reads, for every architecture.
  set(nvcc_launcher ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/*.cu)
set(DERMIS_CUDA_MODULE ${CMAKE_BINARY_DIR}/libdermis_cuda.so)
set(cuda_objects "")
set(DERMIS_CUDA_LOGS "")
foreach(source ${cuda_sources})
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR}/kernels ${source})
  string(REGEX REPLACE "\\.cu$" "" name ${name})
  set(object ${CMAKE_BINARY_DIR}/cuda/${name}.o)
  set(log ${CMAKE_BINARY_DIR}/cuda/${name}.ptxas.log)
  get_filename_component(folder ${object} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  # What ptxas reports of every kernel goes to the log, which tests/gates reads.
  add_custom_command(
    OUTPUT ${object} ${log}
    COMMAND sh -c "\"$0\" \"$@\" > '${log}' 2>&1 || { cat '${log}'; rm -f '${log}'; exit 1; }" ${nvcc_launcher} ${NVCC}
            ${DERMIS_NVCC_FLAGS} -Xptxas -v -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "Compiling ${name}.cu for sm_80 and sm_90a"
    VERBATIM)
  list(APPEND cuda_objects ${object})
  list(APPEND DERMIS_CUDA_LOGS ${log})
endforeach()
set(DERMIS_CUDA_OBJECTS ${cuda_objects})
add_custom_command(
  OUTPUT ${DERMIS_CUDA_MODULE}
  COMMAND ${NVCC} -shared --no-device-link -cudart static ${cuda_objects} -o ${DERMIS_CUDA_MODULE}
  DEPENDS ${cuda_objects}
  COMMENT "Linking libdermis_cuda.so"
  VERBATIM)
add_custom_target(dermis_cuda ALL DEPENDS ${DERMIS_CUDA_MODULE})
set_source_files_properties(${CMAKE_SOURCE_DIR}/kernels/cuda/cuda_module.cpp PROPERTIES COMPILE_DEFINITIONS DERMIS_HAS_CUDA)
