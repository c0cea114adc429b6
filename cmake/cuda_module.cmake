# The CUDA part is a module of its own, loaded at run time when a driver is present.
find_program(NVCC nvcc HINTS /usr/local/cuda/bin)
if(NOT DERMIS_CUDA OR NOT NVCC)
  message(STATUS "CUDA: off (CPU only): ${NVCC}")
  return()
endif()
