# core/version.h: the commit is looked up at every build, and only a change of it compiles and links again.
add_custom_target(dermis_version
  COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
          -DOUTPUT=${CMAKE_BINARY_DIR}/version.cpp -P ${CMAKE_SOURCE_DIR}/.cmake/version_script.cmake
  BYPRODUCTS ${CMAKE_BINARY_DIR}/version.cpp
  COMMENT "Commit" VERBATIM)
target_sources(dermis_core PRIVATE ${CMAKE_BINARY_DIR}/version.cpp)
add_dependencies(dermis_core dermis_version)
