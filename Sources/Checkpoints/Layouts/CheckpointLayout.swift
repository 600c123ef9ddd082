/// Which names and axes a file has for a network's parameters.
public enum CheckpointLayout: String, Codable, Hashable, Sendable, CaseIterable {
  /// HDF5, the network's own names in PyTorch's axes, and what Trompe knows of it as attributes.
  case trompe
  /// HDF5, the names of PyTorch's state dict, one dataset each.
  case torch
  /// HDF5, Keras 2's weights: `layer_names` and `weight_names`.
  case keras2
  /// HDF5, Keras 2's whole model: the same in the group `model_weights`, and `model_config`.
  case keras2Model = "keras2-model"
  /// HDF5, Keras 3's `.weights.h5`: `layers/<class and number>/vars/<number>`.
  case keras3
  /// Keras 3's whole model, `.keras`: a zip archive of these weights and `config.json`.
  case keras
  /// safetensors, the names of PyTorch's state dict.
  case safetensors
  /// PyTorch's own, as `torch.save` writes it: a zip archive with the state dict.
  case pth

  /// Whether names and axes are Keras's.
  public var isKeras: Bool {
    switch self {
    case .keras2, .keras2Model, .keras3, .keras: true
    case .trompe, .torch, .safetensors, .pth: false
    }
  }

  /// For people.
  public var title: String {
    switch self {
    case .trompe: "Trompe's own"
    case .torch: "PyTorch state dict in HDF5"
    case .keras2: "Keras 2 weights"
    case .keras2Model: "Keras 2 whole model"
    case .keras3: "Keras 3 weights"
    case .keras: "Keras 3 whole model"
    case .safetensors: "PyTorch state dict in safetensors"
    case .pth: "PyTorch state dict by torch.save"
    }
  }

  /// Whether the file describes its network to Keras.
  public var hasModelConfig: Bool { self == .keras2Model || self == .keras }

  /// What Keras insists on at the end of a file's name, or convention.
  public var fileExtension: String {
    switch self {
    case .trompe, .torch, .keras2, .keras2Model: ".h5"
    case .keras3: ".weights.h5"
    case .keras: ".keras"
    case .safetensors: ".safetensors"
    case .pth: ".pth"
    }
  }
}
