import CPJRT
import TensorGraph
import TensorRuntime

/// A plugin at work on one device: what compiles, uploads and holds buffers.
final class XLAClient {
  let device: XLADevice
  let plugin: Plugin
  let handle: OpaquePointer
  /// Small programs that parameters need, by what they are called.
  private var tools: [String: XLAExecutable] = [:]

  init(_ plugin: Plugin, device: XLADevice) throws(ExecutionError) {
    (self.plugin, self.device) = (plugin, device)
    do {
      handle = try calling { trompe_pjrt_client_create(plugin.handle, 0, $0) }
    } catch { throw error.cannotStart(plugin.path, on: device) }
    let platform = String(cString: trompe_pjrt_platform(handle))
    let count = trompe_pjrt_device_count(handle)
    guard device.kind.platforms.contains(platform) else {
      throw ExecutionError(
        "\(device): the plugin \(plugin.path) is for \(platform), expected one for "
          + "\(device.kind.platforms[0]); \(PluginSearch.advice(for: device))")
    }
    guard device.index < count else {
      throw ExecutionError(
        "\(device): the plugin \(plugin.path) has \(count) device\(count == 1 ? "" : "s"), "
          + "counted from 0")
    }
  }

  deinit { trompe_pjrt_client_destroy(handle) }

  var name: String { device.description }

  /// What the device is called, e.g. `NVIDIA H200`.
  func kind(of index: Int) -> String { String(cString: trompe_pjrt_device_kind(handle, index)) }

  // MARK: Compiling

  func compile(_ text: String, isDeterministic: Bool) throws(ExecutionError) -> XLAExecutable {
    let options = CompileOptions(
      device: device.index == 0 ? nil : Int(trompe_pjrt_device_id(handle, device.index)),
      flags: device.kind == .cuda && isDeterministic ? ["xla_gpu_deterministic_ops"] : []
    ).bytes
    do {
      var text = text
      let executable = try calling { error in
        text.withUTF8 { code in
          code.withMemoryRebound(to: CChar.self) { code in
            trompe_pjrt_compile(
              handle, code.baseAddress, code.count, options, options.count, error)
          }
        }
      }
      return XLAExecutable(executable, of: self)
    } catch { throw error.executionError("compile a program", on: name) }
  }

  /// A small program that is made once.
  func tool(_ name: String, _ text: () -> String) throws(ExecutionError) -> XLAExecutable {
    if let known = tools[name] { return known }
    let made = try compile(text(), isDeterministic: true)
    tools[name] = made
    return made
  }

  // MARK: Uploading

  func upload(_ input: ProgramInput, _ shape: Shape) throws(ExecutionError) -> DeviceBuffer {
    switch input {
    case .floats(let values): try upload(values, .float32, TROMPE_PJRT_FLOAT32, shape)
    case .indices(let values): try upload(values, .int32, TROMPE_PJRT_INT32, shape)
    }
  }

  func upload(_ tensor: Tensor) throws(ExecutionError) -> DeviceBuffer {
    try upload(.floats(tensor.values), tensor.shape)
  }

  private func upload<Element>(
    _ values: [Element], _ type: ElementType, _ code: trompe_pjrt_type, _ shape: Shape
  ) throws(ExecutionError) -> DeviceBuffer {
    let dimensions = shape.dimensions.map(Int64.init)
    do {
      let buffer = try calling { error in
        values.withUnsafeBytes { bytes in
          dimensions.withUnsafeBufferPointer {
            var array = trompe_pjrt_array(
              data: bytes.baseAddress, type: code, dimensions: $0.baseAddress, rank: $0.count)
            return trompe_pjrt_upload(handle, device.index, &array, error)
          }
        }
      }
      return DeviceBuffer(buffer, shape, type, of: self)
    } catch { throw error.executionError("take up \(shape) values", on: name) }
  }
}

/// An array on a device.
final class DeviceBuffer {
  let shape: Shape
  let type: ElementType
  let client: XLAClient
  let handle: OpaquePointer

  init(_ handle: OpaquePointer, _ shape: Shape, _ type: ElementType, of client: XLAClient) {
    (self.handle, self.shape, self.type, self.client) = (handle, shape, type, client)
  }

  deinit { trompe_pjrt_buffer_destroy(handle) }

  /// Whether an execution has taken its memory.
  var isTaken: Bool { trompe_pjrt_is_deleted(handle) != 0 }

  /// A copy on the host; indices come back as floats. Waits for the values.
  func download() throws(ExecutionError) -> Tensor {
    switch type {
    case .float32: Tensor(shape: shape, values: try values(of: Float.self, zero: 0))
    case .int32:
      Tensor(shape: shape, values: try values(of: Int32.self, zero: 0).map(Float.init))
    case .uint8: Tensor(shape: shape, values: try bytes().map(Float.init))
    }
  }

  func bytes() throws(ExecutionError) -> [UInt8] { try values(of: UInt8.self, zero: 0) }

  private func values<Element>(of _: Element.Type, zero: Element) throws(ExecutionError)
    -> [Element]
  {
    var values = [Element](repeating: zero, count: shape.count)
    guard !values.isEmpty else { return values }
    do {
      _ = try calling { error in
        let status = values.withUnsafeMutableBytes {
          trompe_pjrt_download(handle, $0.baseAddress, $0.count, error)
        }
        return status == 0 ? true : nil
      }
    } catch { throw error.executionError("give back \(shape) values", on: client.name) }
    return values
  }
}

/// A compiled program.
final class XLAExecutable {
  private let handle: OpaquePointer
  private let client: XLAClient

  init(_ handle: OpaquePointer, of client: XLAClient) {
    (self.handle, self.client) = (handle, client)
  }

  deinit { trompe_pjrt_executable_destroy(handle) }

  /// Begins a run. Arguments that are donated are gone.
  /// - Parameter results: their shapes and types.
  func execute(
    _ arguments: [DeviceBuffer], results: [(shape: Shape, type: ElementType)]
  ) throws(ExecutionError) -> [DeviceBuffer] {
    precondition(
      trompe_pjrt_result_count(handle) == results.count,
      "\(trompe_pjrt_result_count(handle)) results, \(results.count) expected")
    let given: [OpaquePointer?] = arguments.map(\.handle)
    var made = [OpaquePointer?](repeating: nil, count: max(results.count, 1))
    do {
      _ = try calling { error in
        let status = given.withUnsafeBufferPointer { given in
          made.withUnsafeMutableBufferPointer { made in
            trompe_pjrt_execute(handle, given.baseAddress, given.count, made.baseAddress, error)
          }
        }
        return status == 0 ? true : nil
      }
    } catch { throw error.executionError("run a program", on: client.name) }
    return zip(made, results).map { DeviceBuffer($0!, $1.shape, $1.type, of: client) }
  }

  /// Bytes that a run needs between arguments and results; `nil` if the plugin does not tell.
  var temporaryBytes: Int? {
    var bytes: Int64 = 0
    return trompe_pjrt_temporary_bytes(handle, &bytes) != 0 ? Int(bytes) : nil
  }
}
