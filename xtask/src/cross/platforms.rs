//! The systems we build for, and what each build needs.

/// A file format of programs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Pe,
    MachOArm64,
    ElfX86,
    ElfArm64,
}

#[derive(Debug)]
pub(super) struct Platform {
    pub(super) triple: &'static str,
    /// Built without being asked for.
    pub(super) by_default: bool,
    /// Debian packages beside the compiler and the sources of std.
    pub(super) packages: &'static [&'static str],
    /// Linked by zig, which brings the system's libraries.
    pub(super) needs_zig: bool,
    pub(super) environment: &'static [(&'static str, &'static str)],
    pub(super) suffix: &'static str,
    pub(super) format: Format,
}

pub(super) const PLATFORMS: &[Platform] = &[
    Platform {
        triple: "x86_64-pc-windows-gnu",
        by_default: true,
        packages: &["gcc-mingw-w64-x86-64-win32"],
        needs_zig: false,
        environment: &[
            ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc"),
            ("CC_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-gcc"),
            ("AR_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-ar"),
        ],
        suffix: ".exe",
        format: Format::Pe,
    },
    Platform {
        triple: "aarch64-apple-darwin",
        by_default: true,
        packages: &[],
        needs_zig: true,
        environment: &[],
        suffix: "",
        format: Format::MachOArm64,
    },
    Platform {
        triple: "x86_64-unknown-linux-musl",
        by_default: false,
        packages: &[],
        needs_zig: true,
        // Debian ships no start files for static musl programs; zig does.
        environment: &[("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS", "-Clink-self-contained=no")],
        suffix: "",
        format: Format::ElfX86,
    },
    Platform {
        triple: "aarch64-unknown-linux-gnu",
        by_default: false,
        packages: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
        needs_zig: false,
        environment: &[
            ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc"),
            ("CC_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-gcc"),
            ("AR_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-ar"),
        ],
        suffix: "",
        format: Format::ElfArm64,
    },
];

impl Format {
    /// Whether a file begins as this format does; for ELF the machine is looked at too.
    pub(super) fn is_of(self, bytes: &[u8]) -> bool {
        match self {
            Self::Pe => bytes.starts_with(b"MZ"),
            Self::MachOArm64 => bytes.starts_with(&[0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0x00, 0x00, 0x01]),
            Self::ElfX86 => is_elf_for(bytes, 62),
            Self::ElfArm64 => is_elf_for(bytes, 183),
        }
    }
}

fn is_elf_for(bytes: &[u8], machine: u8) -> bool {
    bytes.starts_with(b"\x7fELF") && bytes.get(18..20) == Some(&[machine, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart() {
        let mut elf = [0; 64];
        elf[..4].copy_from_slice(b"\x7fELF");
        elf[18] = 62;
        assert!(Format::ElfX86.is_of(&elf) && !Format::ElfArm64.is_of(&elf) && !Format::Pe.is_of(&elf));
        assert!(!Format::ElfX86.is_of(b"\x7fELF"));
        assert!(Format::Pe.is_of(b"MZ\x90\0"));
    }
}
