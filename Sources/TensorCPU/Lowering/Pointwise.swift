import CTensorKernels
import TensorGraph
import TensorPlan
import TensorRuntime

extension Lowering {
  func pointwise(_ program: PointwiseProgram, _ scratch: UnsafeMutableRawPointer) -> Run {
    program.bind { address[$0]! }
    let cpu = settings.cpu
    return {
      program.run(scratch: scratch, cpu: cpu)
      return 0
    }
  }
}

/// A fusion group as the C kernels want it: axes merged where every operand allows it.
final class PointwiseProgram {
  private let program: UnsafeMutablePointer<trompe_pointwise>
  private let fused: FusionGroup

  /// - Parameter rounded: storages that hold bfloat16.
  init(
    _ fused: FusionGroup, name: String, rounded: Set<Int> = []
  ) throws(ExecutionError) {
    self.fused = fused
    var extents: [Int] = []
    var strides: [[Int]] = []  // per axis: of every input, then of every reduction
    for axis in fused.shape.dimensions.indices where fused.shape[axis] != 1 {
      let extent = fused.shape[axis]
      let own =
        fused.inputs.map { $0.strides[axis] } + fused.reductions.map { $0.strides[axis] }
      if let last = strides.last, zip(last, own).allSatisfy({ $0 == $1 * extent }) {
        extents[extents.count - 1] *= extent
        strides[strides.count - 1] = own
      } else {
        extents.append(extent)
        strides.append(own)
      }
    }
    guard extents.count <= Int(TROMPE_MAX_RANK), fused.registerCount <= 256 else {
      throw ExecutionError(
        "\(name) over \(fused.shape): \(extents.count) axes, \(fused.registerCount) registers")
    }
    program = .allocate(capacity: 1)
    program.initialize(to: trompe_pointwise())
    program.pointee.rank = Int32(extents.count)
    program.pointee.register_count = Int32(fused.registerCount)
    withUnsafeMutableBytes(of: &program.pointee.extent) { raw in
      let target = raw.bindMemory(to: Int64.self)
      for (axis, extent) in extents.enumerated() { target[axis] = Int64(extent) }
    }
    func array<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
      let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
      pointer.initialize(from: elements, count: elements.count)
      return pointer
    }
    program.pointee.inputs = array(
      fused.inputs.indices.map { index in
        var input = trompe_pointwise_input()
        input.is_bf16 = rounded.contains(fused.inputs[index].storage) ? 1 : 0
        withUnsafeMutableBytes(of: &input.stride) { raw in
          let target = raw.bindMemory(to: Int64.self)
          for axis in extents.indices { target[axis] = Int64(strides[axis][index]) }
        }
        return input
      })
    program.pointee.input_count = Int32(fused.inputs.count)
    program.pointee.scalars = array(
      fused.scalars.map {
        trompe_pointwise_scalar(reg: Int32($0.register), value: Float($0.value))
      })
    program.pointee.scalar_count = Int32(fused.scalars.count)
    program.pointee.instructions = array(fused.instructions.map(\.encoded))
    program.pointee.instruction_count = Int32(fused.instructions.count)
    program.pointee.outputs = array(
      fused.outputs.map {
        trompe_pointwise_output(
          reg: Int32($0.register), is_bf16: rounded.contains($0.storage) ? 1 : 0, base: nil)
      })
    program.pointee.output_count = Int32(fused.outputs.count)
    program.pointee.reductions = array(
      fused.reductions.enumerated().map { index, reduction in
        var encoded = trompe_pointwise_reduction()
        encoded.reg = Int32(reduction.register)
        encoded.code = Int32(reduction.function.code.rawValue)
        encoded.count = Int64(reduction.count)
        withUnsafeMutableBytes(of: &encoded.stride) { raw in
          let target = raw.bindMemory(to: Int64.self)
          for axis in extents.indices {
            target[axis] = Int64(strides[axis][fused.inputs.count + index])
          }
        }
        return encoded
      })
    program.pointee.reduction_count = Int32(fused.reductions.count)
  }

  deinit {
    program.pointee.inputs.deallocate()
    program.pointee.scalars.deallocate()
    program.pointee.instructions.deallocate()
    program.pointee.outputs.deallocate()
    program.pointee.reductions.deallocate()
    program.deallocate()
  }

  func scratchBytes(threads: Int) -> Int {
    trompe_pointwise_scratch_bytes(program, Int32(threads))
  }

  /// Fixes where the operands stand.
  func bind(_ address: (Int) -> UnsafeMutableRawPointer) {
    for (index, view) in fused.inputs.enumerated() {
      let size = program.pointee.inputs[index].is_bf16 != 0 ? 2 : MemoryLayout<Float>.size
      program.pointee.inputs[index].base = UnsafeRawPointer(
        address(view.storage) + view.offset * size)
    }
    for (index, output) in fused.outputs.enumerated() {
      program.pointee.outputs[index].base = address(output.storage)
    }
    for (index, reduction) in fused.reductions.enumerated() {
      program.pointee.reductions[index].base =
        address(reduction.storage).assumingMemoryBound(to: Float.self)
    }
  }

  func run(scratch: UnsafeMutableRawPointer, cpu: trompe_cpu) {
    trompe_pointwise_run(program, scratch, cpu)
  }
}

extension Reduction.Function {
  fileprivate var code: trompe_reduction_code {
    switch self {
    case .sum: TROMPE_REDUCE_SUM
    case .maximum: TROMPE_REDUCE_MAXIMUM
    case .minimum: TROMPE_REDUCE_MINIMUM
    }
  }
}

extension Unary.Function {
  fileprivate var code: trompe_instruction_code {
    switch self {
    case .negate: TROMPE_NEGATE
    case .absolute: TROMPE_ABSOLUTE
    case .exponential: TROMPE_EXPONENTIAL
    case .logarithm: TROMPE_LOGARITHM
    case .squareRoot: TROMPE_SQUARE_ROOT
    case .reciprocal: TROMPE_RECIPROCAL
    case .square: TROMPE_SQUARE
    case .relu: TROMPE_RELU
    case .isPositive: TROMPE_IS_POSITIVE
    case .sign: TROMPE_SIGN
    case .softplus: TROMPE_SOFTPLUS
    case .sigmoid: TROMPE_SIGMOID
    case .hyperbolicTangent: TROMPE_HYPERBOLIC_TANGENT
    case .errorFunction: TROMPE_ERROR_FUNCTION
    }
  }
}

extension Binary.Function {
  fileprivate var code: trompe_instruction_code {
    switch self {
    case .add: TROMPE_ADD
    case .subtract: TROMPE_SUBTRACT
    case .multiply: TROMPE_MULTIPLY
    case .divide: TROMPE_DIVIDE
    case .maximum: TROMPE_MAXIMUM
    case .minimum: TROMPE_MINIMUM
    case .isGreater: TROMPE_IS_GREATER
    case .isGreaterOrEqual: TROMPE_IS_GREATER_OR_EQUAL
    case .isEqual: TROMPE_IS_EQUAL
    }
  }
}

extension FusionGroup.Instruction {
  fileprivate var encoded: trompe_instruction {
    func encode(_ code: trompe_instruction_code, _ d: Int, _ a: Int, _ b: Int = 0, _ c: Int = 0)
      -> trompe_instruction
    {
      trompe_instruction(
        code: Int32(code.rawValue), d: Int32(d), a: Int32(a), b: Int32(b), c: Int32(c))
    }
    return switch self {
    case .copy(let d, let a): encode(TROMPE_COPY, d, a)
    case .unary(let function, let d, let a): encode(function.code, d, a)
    case .binary(let function, let d, let a, let b): encode(function.code, d, a, b)
    case .select(let d, let mask, let a, let b): encode(TROMPE_SELECT, d, mask, a, b)
    }
  }
}
