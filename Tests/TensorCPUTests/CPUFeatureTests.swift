import CTensorKernels
import TensorCPU
import Testing

/// From the registers of CPUID and XCR0 to the kernels that are used.
struct CPUFeatureTests {
  /// A processor that reports every feature, and keeps all of its registers.
  private static let everything = trompe_cpuid(
    is_amd: 0, leaf1_eax: ~0, leaf1_ecx: ~0, leaf7_ebx: ~0, extended1a_eax: 0, xcr0: ~0)

  private func level(_ registers: trompe_cpuid) -> trompe_level {
    var registers = registers
    return trompe_level_of(trompe_cpu_features(&registers))
  }

  private func name(
    _ registers: trompe_cpuid, maxISA: String? = nil, products: String? = nil,
    columns: String? = nil
  ) -> String {
    var registers = registers
    let kernels = trompe_kernels_for(trompe_cpu_features(&registers), maxISA, products, columns)
    return kernels.map { String(cString: trompe_kernels_name($0)) } ?? "none"
  }

  @Test func everythingIsTheHighestLevel() {
    #expect(level(Self.everything) == TROMPE_AVX512)
    #expect(level(trompe_cpuid()) == TROMPE_BASELINE)
  }

  /// What the AVX-512 kernels are compiled for beside that of the AVX2 kernels: leaf 7.
  @Test(arguments: [16, 17, 30, 31]) func withoutOnePartOfAVX512(bit: Int) {
    var registers = Self.everything
    registers.leaf7_ebx &= ~(1 << UInt32(bit))
    #expect(level(registers) == TROMPE_AVX2)
  }

  /// BMI1, AVX2 and BMI2 of leaf 7: AVX-512 alone is not enough.
  @Test(arguments: [3, 5, 8]) func withoutOnePartOfAVX2InLeaf7(bit: Int) {
    var registers = Self.everything
    registers.leaf7_ebx &= ~(1 << UInt32(bit))
    #expect(level(registers) == TROMPE_BASELINE)
  }

  /// FMA, AVX and F16C of leaf 1.
  @Test(arguments: [12, 28, 29]) func withoutOnePartOfAVX2InLeaf1(bit: Int) {
    var registers = Self.everything
    registers.leaf1_ecx &= ~(1 << UInt32(bit))
    #expect(level(registers) == TROMPE_BASELINE)
  }

  /// A system that does not keep registers of 512 or of 256 bits when it switches between threads.
  private static let states: [(xcr0: UInt64, expected: UInt32)] = [
    (0x0, TROMPE_BASELINE.rawValue), (0x3, TROMPE_BASELINE.rawValue),
    (0x7, TROMPE_AVX2.rawValue), (0x27, TROMPE_AVX2.rawValue), (0x67, TROMPE_AVX2.rawValue),
    (0xa7, TROMPE_AVX2.rawValue), (0xc7, TROMPE_AVX2.rawValue), (0xe7, TROMPE_AVX512.rawValue),
    (0xe5, TROMPE_BASELINE.rawValue),
  ]

  @Test(arguments: states)
  func registersThatAreNotKept(xcr0: UInt64, expected: UInt32) {
    var registers = Self.everything
    registers.xcr0 = xcr0
    #expect(level(registers).rawValue == expected)
  }

  /// How AVX-512 multiplies follows the units of the processor.
  @Test func kernelsFollowTheUnits() {
    func amd(family: UInt32, units: UInt32) -> trompe_cpuid {
      var registers = Self.everything
      registers.is_amd = 1
      registers.leaf1_eax = 0xf << 8 | (family - 0xf) << 20
      registers.extended1a_eax = units
      return registers
    }
    #expect(name(Self.everything) == "avx512-fma-nr48")
    #expect(name(amd(family: 0x19, units: 1 << 2)) == "avx512-wip-nr16")
    #expect(name(amd(family: 0x1a, units: 1 << 2)) == "avx512-wip-nr16")
    #expect(name(amd(family: 0x1a, units: 1 << 3)) == "avx512-wip-nr32")
    #expect(name(amd(family: 0x1a, units: 0)) == "avx512-wip-nr32")
    var zen3 = amd(family: 0x19, units: 1 << 2)
    zen3.leaf7_ebx &= 0xffff
    #expect(name(zen3) == "avx2")
  }

  @Test func theEnvironmentNamesLesserKernels() {
    let all = Self.everything
    #expect(name(all, maxISA: "avx2") == "avx2")
    #expect(name(all, maxISA: "baseline", products: "pairs", columns: "3") == "baseline")
    #expect(name(all, products: "pairs") == "avx512-wip-nr32")
    #expect(name(all, products: "pairs", columns: "1") == "avx512-wip-nr16")
    #expect(name(all, columns: "2") == "avx512-fma-nr32")
    for foreign in ["0", "4", "12", "", "x"] {
      #expect(name(all, columns: foreign) == "avx512-fma-nr48", "\(foreign)")
    }
    #expect(name(all, maxISA: "avx1024", products: "both") == "avx512-fma-nr48")
    #expect(name(trompe_cpuid(), products: "pairs") == "baseline")
  }

  /// The least and the best are among those that every test of kernels runs with.
  @Test func everySetOfThisProcessorIsTested() {
    let names = InstructionSet.all.map(\.name)
    #expect(names.first == "baseline" && Set(names).count == names.count)
    #expect(names.contains(InstructionSet.best.name))
    var registers = trompe_read_cpuid()
    let wide = level(registers) == TROMPE_AVX512
    #expect(names.contains { $0.hasPrefix("avx512") } == wide)
    registers.is_amd = 1
    #expect(name(registers) != "none")
  }
}
