"""Which rule an operator has under vmap, and which public functions consist of operators only."""

from __future__ import annotations

from functools import cache
from typing import Any

from . import _rules as rules, _rules_layers as layers


@cache
def rule_for(op: Any) -> rules.Rule | None:
    """Return the rule of an operator class: its own or the nearest base class's."""
    for cls in op.__mro__:
        if cls.__name__ in _RULES and cls.__module__.startswith("rushlight.ops"):
            return _RULES[cls.__name__]
    return None


_RULES: dict[str, rules.Rule] = {
    **dict.fromkeys(
        """
            Abs Add Angle Atan2 BinaryCrossEntropy Bits Cast Ceil Clamp Compare Complex
            Conj Copysign Div DivRounded ELU Eq Extremum FloorDivide Fmax Fmin Frac GELU
            Hypot Imag IncompleteGamma IsClose LeakyReLU LeakyReLUGrad Lerp LogAddExp
            LogSigmoid Logic Logit Mask MaskedFill Maximum Minimum Mul NanToNum Ne Neg
            NextAfter NumberExtremum Polygamma Pow PowNumber ReLU ReLUGrad Real
            Remainder RoundDecimals Sgn SiLU Sigmoid Sign Softplus Step Sub Tanh Test
            Unary UnaryFromOutput Where XLogY Zeta
        """.split(),
        rules.elementwise,
    ),
    **dict.fromkeys(
        """
            Amax Amin ArgExtremum CountNonzero Cumprod Cumsum CumulativeExtremum
            Diagonal ExtremumAlong Flip FourierTransform FromHalfSpectrum HalfSpectrum
            KthValue LogSoftmax LogSumExp Logcumsumexp Mean Median Mode NanMedian NanSum
            Prod Quantor Roll Softmax Sort Split Squeeze Std Sum TopK Transpose Unbind
            Unsqueeze Var VectorNorm
        """.split(),
        rules.along_axes,
    ),
    **dict.fromkeys(
        """
            Cholesky Determinant Eig EigenvaluesOnly Eigh Inverse LU LayerNorm MatrixExp
            PseudoInverse QR RMSNorm Reflections SVD SignLogDet SingularValues Triangle
            ViewAsComplex ViewAsReal
        """.split(),
        rules.last_dimensions,
    ),
    **dict.fromkeys(("CholeskySolve", "Solve", "SolveTriangular"), rules.on_matrices),
    **dict.fromkeys(("Collect", "Spread"), rules.of_reduction),
    **dict.fromkeys(("Index", "IndexGrad"), rules.at_places),
    **dict.fromkeys(("Scatter", "ScatterAdd", "ScatterReduce"), rules.scattered),
    **dict.fromkeys(("BroadcastTo", "Expand"), rules.broadcast),
    **dict.fromkeys(("Reshape", "View"), rules.to_shape),
    **dict.fromkeys(("Cat", "Stack"), rules.joined),
    **dict.fromkeys(
        """
            AdaptiveAvgPool AdaptiveMaxPool AvgPool BatchNormEval Columns FromColumns
            GroupNorm MaxPool Resize
        """.split(),
        layers.image_wise,
    ),
    **dict.fromkeys(
        ("AdaptiveAvgPoolGrad", "AvgPoolGrad", "MaxPoolGrad"), layers.gradient_of_images
    ),
    **dict.fromkeys(("CrossEntropy", "NLLLoss"), layers.class_loss),
    "Clone": rules.copied,
    "Conv": layers.conv,
    "ConvGradInput": layers.gradient_of_conv_input,
    "Embedding": rules.looked_up,
    "Gather": rules.gathered,
    "Linear": layers.linear,
    "MatMul": rules.matmul,
    "RowsTimesWeight": rules.on_matrices,
    "Pad": rules.pad,
    "Permute": rules.permute,
    "Repeat": rules.repeated,
    "Slice": rules.basic_index,
    "SliceGrad": rules.written,
    "SumTo": rules.sum_to,
}  # fmt: skip

# Public functions that compute with operators only, looking at nothing but shapes and dtypes of
# their arguments: under vmap they run as they are (those that meet a value after all go on sample
# by sample). All others are called sample by sample from the beginning.
TRANSPARENT = frozenset("""
    __abs__ __add__ __and__ __eq__ __ge__ __gt__ __invert__ __le__ __lt__ __matmul__ __mod__ __mul__
    __ne__ __neg__ __or__ __pow__ __radd__ __rmatmul__ __rmul__ __rpow__ __rsub__ __rtruediv__
    __sub__ __truediv__ __xor__ abs absolute acos acosh adaptive_avg_pool1d adaptive_avg_pool2d
    adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d add addbmm
    addcdiv addcmul addmm addmv addr airy_ai all amax amin aminmax and angle any arccos arccosh
    arcsin arcsinh arctan arctanh argmax argmin argsort asin asinh atan atan2 atanh atleast_1d
    atleast_2d atleast_3d avg_pool1d avg_pool2d avg_pool3d baddbmm bessel_j0 bessel_j1 bessel_y0
    bessel_y1 bfloat16 bilinear binary_cross_entropy binary_cross_entropy_with_logits bitwise_and
    bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm bool
    broadcast_tensors broadcast_to byte cartesian_prod cat cdist cdouble ceil celu cfloat
    channel_shuffle char cholesky cholesky_ex cholesky_inverse cholesky_solve chunk clamp clamp_max
    clamp_min clip clone column_stack complex_ concat concatenate cond conj conj_physical contiguous
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d copysign corrcoef cos
    cosh cosine_embedding_loss cosine_similarity count_nonzero cov cross cross_entropy cummax cummin
    cumprod cumsum cumulative_trapezoid deg2rad det diag diag_embed diagflat diagonal diff digamma
    dist div divide dot double dsplit dstack eig eigh eigvals eigvalsh einsum elu embedding entr eq
    erf erfc erfcx erfinv exp exp2 expand expand_as expm1 fft fft2 fftn fftshift flatten flip fliplr
    flipud float float_power floor floor_divide fmax fmin fmod frac gather gaussian_nll_loss ge gelu
    glu gradient grid_sample group_norm gt H half hardswish hfft hfft2 hfftn hinge_embedding_loss
    hsplit hstack huber_loss hypot i0 i0e i1 i1e ifft ifft2 ifftn ifftshift igamma igammac ihfft
    ihfft2 ihfftn imag index_select inner int interpolate inv inv_ex invert irfft irfft2 irfftn
    isclose isfinite isinf isnan isneginf isposinf isreal kl_div kron kthvalue l1_loss layer_norm
    ldexp le leaky_relu lerp lgamma linear local_response_norm log log10 log1p log2 log_ndtr
    log_softmax logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not logical_or
    logical_xor logit logsigmoid logsumexp long lt lu lu_factor lu_factor_ex lu_solve
    margin_ranking_loss masked_fill matmul matrix_exp matrix_norm matrix_power max max_pool1d
    max_pool2d max_pool3d maximum mean median meshgrid mH min minimum mish mm mod mode
    modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 moveaxis movedim
    mse_loss msort mT mul multi_dot multi_margin_loss multilabel_margin_loss
    multilabel_soft_margin_loss multiply mv mvlgamma nan_to_num nanmean nanmedian nanquantile nansum
    narrow ndtr ndtri ne neg negative nextafter nll_loss norm normalize or outer pad
    pairwise_distance pdist permute pixel_shuffle pixel_unshuffle poisson_nll_loss polar polygamma
    positive pow prelu prod qr quantile rad2deg radd ravel real reciprocal relu remainder renorm
    repeat repeat_interleave reshape reshape_as resolve_conj resolve_neg rfft rfft2 rfftn rms_norm
    rmul roll rot90 round rpow rsqrt rsub rtruediv scatter scatter_add scatter_reduce select selu
    sgn short sigmoid sign signbit silu sin sinc sinh slogdet smooth_l1_loss soft_margin_loss
    softmax softmin softplus softsign solve solve_ex solve_triangular sort split split_with_sizes
    sqrt square squeeze stack std std_mean sub subtract sum sum_to_size svd svdvals swapaxes
    swapdims t T take_along_dim tan tanh tanhshrink tensor_split tensordot tile to topk trace
    transpose trapezoid trapz tril triplet_margin_loss triplet_margin_with_distance_loss triu
    true_divide truediv trunc type_as unbind unflatten unfold unsqueeze upsample upsample_bilinear
    upsample_nearest vander var var_mean vdot vecdot vector_norm view view_as view_as_complex
    view_as_real vsplit vstack where xlog1py xlogy xor zeta
""".split())  # fmt: skip

# Functions of each element of one tensor that do look at its values: they run on the whole batch.
OF_ELEMENTS = frozenset("hardshrink hardsigmoid hardtanh relu6 softshrink threshold".split())
