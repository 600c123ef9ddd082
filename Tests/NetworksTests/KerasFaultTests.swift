import Networks
import Testing

/// What Keras can write and nobody can read here, in words.
@Suite struct KerasFaultTests {
  /// What a sequential model of one layer, with changes, is told.
  static func sequential(_ layer: String) -> String {
    """
    {"class_name": "Sequential", "config": {"name": "m", "layers": [
      {"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8, 4], "name": "in"}},
      \(layer)]}}
    """
  }

  static let faults: [(text: String, fault: String)] = [
    ("no JSON", "model_config is not JSON"),
    ("[1]", "model_config is not a JSON object"),
    (#"{"class_name": "Mine", "config": {}}"#, "the model is a Mine; supported are sequential"),
    (#"{"class_name": "Functional", "config": 3}"#, "config is missing or no object"),
    (#"{"class_name": "Functional", "config": {"layers": []}}"#, "0 layers, expected 1 to"),
    (
      sequential(#"{"class_name": "LSTM", "config": {"name": "x"}}"#),
      "model_config: x (LSTM): this class of layer is not supported; supported are Activation, Add,"
    ),
    (
      sequential(#"{"class_name": "Functional", "config": {"name": "base", "layers": []}}"#),
      "base (Functional): 0 layers, expected 1 to"
    ),
    (
      sequential(
        #"{"class_name": "Conv2D", "config": {"name": "x", "filters": 4, "kernel_size": 3, "data_format": "channels_middle"}}"#
      ), "x (Conv2D): data_format is channels_middle, expected channels_last or channels_first"
    ),
    (
      sequential(
        #"{"class_name": "Conv2D", "config": {"name": "x", "filters": 4, "kernel_size": 3, "activation": "glu"}}"#
      ), "x (Conv2D): the activation glu is not supported; supported are elu, exponential, gelu,"
    ),
    (
      sequential(
        #"{"class_name": "Conv2D", "config": {"name": "x", "filters": -4, "kernel_size": 3}}"#),
      "filters is -4, expected 1 to"
    ),
    (
      sequential(
        #"{"class_name": "Conv2D", "config": {"name": "x", "filters": 4, "kernel_size": [1048576, 1048576], "padding": "same"}}"#
      ), "over 2147483648 elements"
    ),
    (
      sequential(
        #"{"class_name": "Conv2D", "config": {"name": "x", "filters": 4, "kernel_size": 3, "groups": 3}}"#
      ), "3 groups do not divide 4 channels"
    ),
    (
      sequential(#"{"class_name": "MaxPooling2D", "config": {"name": "x", "pool_size": 9}}"#),
      "a 9×9 window does not fit"
    ),
    (
      sequential(#"{"class_name": "ZeroPadding2D", "config": {"name": "x", "padding": -1}}"#),
      "zero padding: top is -1"
    ),
    (
      sequential(#"{"class_name": "ReLU", "config": {"name": "x", "threshold": 1.0}}"#),
      "x (ReLU): threshold is set, only ReLUs that begin at 0"
    ),
    (
      sequential(#"{"class_name": "ReLU", "config": {"name": "x", "max_value": -6.0}}"#),
      "rectifier: maximum is -6.0, expected a positive number"
    ),
    (
      sequential(
        #"{"class_name": "Cropping2D", "config": {"name": "x", "cropping": [[4, 4], [0, 0]]}}"#),
      "crop: 4 and 4 rows, 0 and 0 columns leave nothing of [8, 8, 4]"
    ),
    (
      sequential(#"{"class_name": "Reshape", "config": {"name": "x", "target_shape": [3, -1]}}"#),
      "target_shape [3, -1] does not divide the 256 elements of [8, 8, 4]"
    ),
    (
      sequential(
        #"{"class_name": "Resizing", "config": {"name": "x", "height": 4, "width": 4, "interpolation": "bicubic"}}"#
      ), "interpolation is bicubic, supported are nearest, bilinear"
    ),
    (
      sequential(
        #"{"class_name": "LayerNormalization", "config": {"name": "x", "axis": [1]}}"#),
      "axis is not the last or the last ones of [8, 8, 4]"
    ),
    (
      sequential(
        #"{"class_name": "UpSampling2D", "config": {"name": "x", "size": [1000000, 1000000]}}"#),
      "x (UpSampling2D): resize: height is 8000000"
    ),
    (sequential(#"{"class_name": "Flatten"}"#), "config is missing or no object"),
    (
      sequential(#"{"class_name": "ReLU", "config": {"name": "x"}}"#),
      "the model ends in x [8, 8, 4], expected one number for each class"
    ),
    (
      sequential(#"{"class_name": "Dense", "config": {"name": "x", "units": 3}}"#),
      "the model ends in x [8, 8, 3], expected one number for each class"
    ),
    (
      sequential(#"{"class_name": "Permute", "config": {"name": "x", "dims": [2, 1]}}"#),
      "dims does not order the axes of [8, 8, 4]"
    ),
    (
      #"{"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [], "config": {"batch_shape": [null, 8, 8, 3]}}, {"class_name": "Add", "name": "a", "config": {}, "inbound_nodes": [[["b", 0, 0], ["i", 0, 0]]]}, {"class_name": "Add", "name": "b", "config": {}, "inbound_nodes": [[["a", 0, 0], ["i", 0, 0]]]}], "output_layers": [["b", 0, 0]]}}"#,
      "which depends on it"
    ),
    (
      #"{"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [], "config": {"batch_shape": [null, 8, 8, 3]}}, {"class_name": "ReLU", "name": "a", "config": {}, "inbound_nodes": [[["i", 1, 0]]]}], "output_layers": [["a", 0, 0]]}}"#,
      "a (ReLU): reads call 2 of i, which is called 1 time"
    ),
    (
      #"{"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [], "config": {"batch_shape": [null, 8, 8, 3]}}, {"class_name": "ReLU", "name": "a", "config": {}, "inbound_nodes": [[["nobody", 0, 0]]]}], "output_layers": [["a", 0, 0]]}}"#,
      "a (ReLU): reads nobody, which is no layer"
    ),
    (
      #"{"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [], "config": {"batch_shape": [null, 8, 8, 3]}}, {"class_name": "TFOpLambda", "name": "t", "config": {"name": "t", "function": "math.erf"}, "inbound_nodes": [["i", 0, 0, {}]]}], "output_layers": [["t", 0, 0]]}}"#,
      "t (TFOpLambda): is the operation math.erf between layers"
    ),
    (
      #"{"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [], "config": {"batch_shape": [null, 8, 8, 3]}}, {"class_name": "FloorDivide", "name": "t", "config": {"name": "t"}, "inbound_nodes": [{"args": [{"config": {"keras_history": ["i", 0, 0]}}, 2.0]}]}], "output_layers": [["t", 0, 0]]}}"#,
      "t (FloorDivide): is the operation FloorDivide between layers"
    ),
    (
      #"{"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [], "config": {"batch_shape": [null, 8, 8, 3]}}, {"class_name": "Functional", "name": "base", "config": {"layers": []}, "inbound_nodes": [[["i", 0, 0, {}]]]}, {"class_name": "ReLU", "name": "a", "config": {}, "inbound_nodes": [[["base", 1, 0, {}]]]}], "output_layers": [["a", 0, 0]]}}"#,
      "base (Functional): 0 layers, expected 1 to"
    ),
    (
      #"{"class_name": "Functional", "config": {"layers": [{"class_name": "InputLayer", "name": "i", "inbound_nodes": [], "config": {"batch_shape": [null, 8, 8, 3]}}, {"class_name": "Add", "name": "a", "config": {"name": "a"}, "inbound_nodes": [{"args": [{"config": {"keras_history": ["i", 0, 0]}}, "text"]}]}], "output_layers": [["a", 0, 0]]}}"#,
      "a (Add): + of 1 layers and 0 constants is not supported"
    ),
  ]

  @Test(arguments: faults)
  func whatIsNotSupportedIsNamed(text: String, fault: String) {
    #expect {
      try Architecture(kerasModelConfig: text)
    } throws: {
      "\($0)".contains(fault)
    }
  }
}
