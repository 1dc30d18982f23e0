<?php
// An answer of as many bytes as are asked for, and what goes wrong.

switch ($_GET['mistake'] ?? 'nothing') {
case 'extra':
    shell_exec('id -u');
    break;
case 'left':
    msg_get_queue((int) $_GET['key']);
    break;
}
$size = (int) ($_GET['size'] ?? 1000);
header("Content-Length: $size");
echo str_repeat('x', $size);
