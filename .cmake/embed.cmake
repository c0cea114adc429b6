# dermis_embed(<folder> <glob>...): compiles text files of a folder into its library (core/io/embedded.h).
function(dermis_embed folder)
  set(globs ${ARGN})
  list(TRANSFORM globs PREPEND ${CMAKE_SOURCE_DIR}/${folder}/)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${globs})
  set(output ${CMAKE_BINARY_DIR}/embedded_${folder}.cpp)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DROOT=${CMAKE_SOURCE_DIR}/${folder} -DOUTPUT=${output} "-DFILES=${files}"
            -P ${CMAKE_SOURCE_DIR}/.cmake/embed_script.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/.cmake/embed_script.cmake
    VERBATIM)
  target_sources(dermis_${folder} PRIVATE ${output})
  set_source_files_properties(${output} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()
