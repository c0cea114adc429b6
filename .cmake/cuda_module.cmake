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
message(STATUS "CUDA: module for sm_80 and sm_90a with ${NVCC}")

file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/*.cu)
set(cuda_module ${CMAKE_BINARY_DIR}/libdermis_cuda.so)
set(cuda_objects "")
set(cuda_logs "")
foreach(source ${cuda_sources})
  get_filename_component(name ${source} NAME_WE)
  set(object ${CMAKE_BINARY_DIR}/cuda/${name}.o)
  set(log ${CMAKE_BINARY_DIR}/cuda/${name}.ptxas.log)
  # ptxas reports registers and spills of every kernel; the log is what the no_spills test reads.
  add_custom_command(
    OUTPUT ${object} ${log}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/cuda
    COMMAND sh -c "\"$0\" \"$@\" > '${log}' 2>&1 || { cat '${log}'; rm -f '${log}'; exit 1; }" ${NVCC} -std=c++20 -O3
            -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90a,code=sm_90a -Xptxas -v -Werror all-warnings
            -Xcompiler -fPIC -Xcompiler -Wall -I ${CMAKE_SOURCE_DIR} -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source}
    DEPFILE ${object}.d
    COMMENT "Compiling ${name}.cu for sm_80 and sm_90a"
    VERBATIM)
  list(APPEND cuda_objects ${object})
  list(APPEND cuda_logs ${log})
endforeach()
add_custom_command(
  OUTPUT ${cuda_module}
  COMMAND ${NVCC} -shared -cudart static ${cuda_objects} -o ${cuda_module}
  DEPENDS ${cuda_objects}
  COMMENT "Linking libdermis_cuda.so"
  VERBATIM)
add_custom_target(dermis_cuda ALL DEPENDS ${cuda_module})
set_source_files_properties(${CMAKE_SOURCE_DIR}/kernels/cuda/cuda_module.cpp PROPERTIES COMPILE_DEFINITIONS DERMIS_HAS_CUDA)
if(DERMIS_TESTS)
  enable_testing()
  add_test(NAME kernels/cuda_module.no_spills
           COMMAND ${CMAKE_COMMAND} "-DLOGS=${cuda_logs}" -P ${CMAKE_SOURCE_DIR}/.cmake/check_spills.cmake)
endif()
