# What `make bundle` installs (bundle.sh beside this file does the rest): the program, the CUDA module and the tests that are of use
# on a machine with a GPU, all in bin/, finding the libraries of ../lib wherever the folder lies.
set(bundled dermis)
foreach(test device kernels models train)
  if(TARGET tests_${test})
    list(APPEND bundled tests_${test})
  endif()
endforeach()
set_target_properties(${bundled} PROPERTIES BUILD_RPATH "$ORIGIN/../lib" INSTALL_RPATH "$ORIGIN/../lib")
# DT_RPATH instead of DT_RUNPATH: it also holds for what the libraries of ../lib load themselves.
foreach(target ${bundled})
  target_link_options(${target} PRIVATE -Wl,--disable-new-dtags)
endforeach()
install(TARGETS ${bundled} RUNTIME DESTINATION bin COMPONENT bundle)
if(TARGET dermis_cuda)
  install(PROGRAMS ${DERMIS_CUDA_MODULE} DESTINATION bin COMPONENT bundle)
  install(FILES ${CMAKE_BINARY_DIR}/tests/probes.fatbin DESTINATION bin COMPONENT bundle)
endif()
