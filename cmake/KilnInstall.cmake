# SPDX-FileCopyrightText: 2026 The Kiln authors
# SPDX-License-Identifier: MIT

# Installs the headers, the CMake package and the pkg-config file. All of it is independent of the architecture and
# can be moved to another prefix.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir "${CMAKE_INSTALL_DATADIR}/cmake/kiln")
set(pkgconfig_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")

install(TARGETS kiln EXPORT kilnTargets FILE_SET HEADERS)
install(EXPORT kilnTargets NAMESPACE kiln:: DESTINATION "${package_dir}")

# Until 1.0 a minor version may break its users; from then on it will be SameMajorVersion.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/kilnConfigVersion.cmake" COMPATIBILITY ${compatibility}
                                 ARCH_INDEPENDENT)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/kilnConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/kilnConfig.cmake" INSTALL_DESTINATION "${package_dir}")
install(FILES "${PROJECT_BINARY_DIR}/kilnConfig.cmake" "${PROJECT_BINARY_DIR}/kilnConfigVersion.cmake"
        DESTINATION "${package_dir}")

file(RELATIVE_PATH kiln_pc_to_include "/${pkgconfig_dir}" "/${CMAKE_INSTALL_INCLUDEDIR}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/kiln.pc.in" "${PROJECT_BINARY_DIR}/kiln.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/kiln.pc" DESTINATION "${pkgconfig_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
