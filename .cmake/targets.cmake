# dermis_library(<folder> [TENSOR] [LINKS ...]): one static library from every .cpp of a top-level folder.
# TENSOR folders share a precompiled header of the ATen core: 9-18 s of parsing a file become about one.
function(dermis_library folder)
  cmake_parse_arguments(ARG "TENSOR" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  add_library(dermis_${folder} STATIC ${sources})
  add_library(dermis::${folder} ALIAS dermis_${folder})
  target_include_directories(dermis_${folder} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(dermis_${folder} PUBLIC dermis_basics ${ARG_LINKS})
  if(ARG_TENSOR)
    dermis_tensor_headers(dermis_${folder})
  endif()
  # Files named *_avx2.cpp, *_avx512.cpp and *_avx512vnni.cpp hold one instruction set each; callers choose at run time.
  foreach(source ${sources})
    if(source MATCHES "_avx512vnni\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-O3;-march=x86-64-v4;-mavx512vnni"
                                  SKIP_PRECOMPILE_HEADERS ON)
    elseif(source MATCHES "_avx512\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "-O3;-march=x86-64-v4;-mprefer-vector-width=512" SKIP_PRECOMPILE_HEADERS ON)
    elseif(source MATCHES "_avx2\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-O3;-march=x86-64-v3" SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

function(dermis_tensor_headers target)
  if(NOT TARGET dermis_pch)
    file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")
    add_library(dermis_pch OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
    target_link_libraries(dermis_pch PRIVATE libtorch dermis_basics)
    target_precompile_headers(dermis_pch PRIVATE ${CMAKE_SOURCE_DIR}/.cmake/tensor_pch.h)
    # ccache takes this line instead of hashing half a gigabyte for every file, and so finds objects of other build folders
    # (CCACHE_PCH_EXTSUM). What decides the header's content stands in it.
    file(SHA256 ${CMAKE_SOURCE_DIR}/.cmake/tensor_pch.h header)
    file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/dermis_pch.dir/cmake_pch.hxx.gch.sum
         "${header} ${DERMIS_LIBTORCH} ${CMAKE_CXX_COMPILER_VERSION}\n")
  endif()
  target_precompile_headers(${target} REUSE_FROM dermis_pch)
  # The header is compiled with -fPIC; a program's -fPIE would make the compiler refuse it.
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
endfunction()
